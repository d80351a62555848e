#include "dns_fields.h"

#include "../text.h"

#define WINDOWS             256
#define WINDOW_BYTES_MAX    32
#define LOW_TYPES_BYTES_MAX 16
#define LOCATOR_WORDS       4

/* ---- what they share ------------------------------------------------------------------- */

const struct dns_word *dns_words_take(struct dns_words *words)
{
    return words->next < words->count ? &words->words[words->next++] : NULL;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base32_digits[] = "0123456789abcdefghijklmnopqrstuv";
static const char hex_digits[] = "0123456789abcdef";

/* Digits of `bits` bits each become octets as they are complete. */
struct gatherer {
    const char *digits;
    unsigned bits, held_bits;
    uint32_t held;
    size_t taken;
};

static bool gather(struct gatherer *g, uint8_t c, struct writer *out)
{
    const char *digit = c ? strchr(g->digits, c) : NULL;
    if (!digit)
        return false;
    g->held = g->held << g->bits | (uint32_t)(digit - g->digits);
    g->held_bits += g->bits;
    g->taken++;
    if (g->held_bits >= 8) {
        g->held_bits -= 8;
        write_u8(out, (uint8_t)(g->held >> g->held_bits));
        g->held &= (1u << g->held_bits) - 1;
    }
    return true;
}

static void write_digits(struct writer *w, struct span s, const char *digits, unsigned bits)
{
    uint32_t held = 0;
    unsigned held_bits = 0;
    for (size_t i = 0; i < s.len; i++) {
        held = held << 8 | s.at[i];
        for (held_bits += 8; held_bits >= bits;) {
            held_bits -= bits;
            write_u8(w, (uint8_t)digits[held >> held_bits & ((1u << bits) - 1)]);
        }
        held &= (1u << held_bits) - 1;
    }
    if (held_bits)
        write_u8(w, (uint8_t)digits[held << (bits - held_bits) & ((1u << bits) - 1)]);
}

bool dns_base64_from_words(const struct dns_word *words, size_t count, struct writer *out)
{
    struct gatherer g = { .digits = base64_digits, .bits = 6 };
    size_t padding = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < words[i].text.len; c++) {
            bool pad = words[i].text.at[c] == '=';
            if (!pad && (padding || !gather(&g, words[i].text.at[c], out)))
                return false;
            padding += pad;
        }
    return (g.taken + padding) % 4 == 0 && padding <= 2 && g.held == 0 && g.held_bits != 6;
}

void write_dns_base64(struct writer *w, struct span s)
{
    write_digits(w, s, base64_digits, 6);
    for (size_t i = s.len; i % 3; i++)
        write_u8(w, '=');
}

/* Hexadecimal digits, of which two words may share an octet (RFC 4034 5.3). */
static bool gather_hex(struct gatherer *g, struct span text, struct writer *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (!gather(g, ascii_lower(text.at[i]), out))
            return false;
    return true;
}

bool dns_hex_from_text(struct span text, struct writer *out)
{
    struct gatherer g = { .digits = hex_digits, .bits = 4 };
    return gather_hex(&g, text, out) && !g.held_bits;
}

const char *dns_name_from_word(struct dns_words *words, struct writer *out)
{
    struct dns_name name;
    const char *wrong = dns_name_from_text(words->words[words->next].text, words->origin, &name);
    if (wrong)
        return wrong;
    words->next++;
    write_span(out, dns_name_span(&name));
    return NULL;
}

static void write_decimal_padded(struct writer *w, int value, int digits)
{
    write_format(w, "%0*d", digits, value);
}

/* ---- types, algorithms and other numbers with names ----------------------------------------- */

static void check_two_octets(struct reader *r)
{
    read_skip(r, 2);
}

static const char *type_from_words(struct dns_words *words, struct writer *out)
{
    uint16_t type;
    if (!dns_type_from_text(words->words[words->next].text, &type))
        return "a record type like A, MX or TYPE65";
    words->next++;
    write_u16(out, type);
    return NULL;
}

static void type_to_text(struct writer *w, struct reader *r)
{
    write_dns_type_text(w, read_u16(r));
}

static void check_octet(struct reader *r)
{
    read_skip(r, 1);
}

/* A number that has a name; the last row of a table has none. */
struct mnemonic {
    const char *name;
    uint16_t number;
};

/* RFC 4034 A.1 and the registry it became. */
static const struct mnemonic algorithms[] = { { "RSAMD5", 1 },
                                              { "DH", 2 },
                                              { "DSA", 3 },
                                              { "RSASHA1", 5 },
                                              { "NSEC3DSA", 6 },
                                              { "NSEC3RSASHA1", 7 },
                                              { "RSASHA256", 8 },
                                              { "RSASHA512", 10 },
                                              { "ECCGOST", 12 },
                                              { "ECDSAP256SHA256", 13 },
                                              { "ECDSAP384SHA384", 14 },
                                              { "ED25519", 15 },
                                              { "ED448", 16 },
                                              { "INDIRECT", 252 },
                                              { "PRIVATEDNS", 253 },
                                              { "PRIVATEOID", 254 },
                                              { NULL, 0 } };

/* RFC 4398 2.1 */
static const struct mnemonic certificates[] = { { "PKIX", 1 },   { "SPKI", 2 },    { "PGP", 3 },
                                                { "IPKIX", 4 },  { "ISPKI", 5 },   { "IPGP", 6 },
                                                { "ACPKIX", 7 }, { "IACPKIX", 8 }, { "URI", 253 },
                                                { "OID", 254 },  { NULL, 0 } };

/* RFC 9859 2.1 */
static const struct mnemonic schemes[] = { { "NOTIFY", 1 }, { NULL, 0 } };

static bool number_from_word(struct dns_words *words, const struct mnemonic *names, uint16_t most,
                             uint32_t *out)
{
    struct span text = words->words[words->next].text;
    while (names->name && !span_is_nocase(text, names->name))
        names++;
    *out = names->number;
    if (!names->name && !dns_number_from_text(text, most, out))
        return false;
    words->next++;
    return true;
}

static void write_mnemonic(struct writer *w, const struct mnemonic *names, uint16_t number)
{
    while (names->name && names->number != number)
        names++;
    if (names->name)
        write_text(w, names->name);
    else
        write_decimal(w, number);
}

static const char *algorithm_from_words(struct dns_words *words, struct writer *out)
{
    uint32_t number;
    if (!number_from_word(words, algorithms, UINT8_MAX, &number))
        return "an algorithm: a number from 0 to 255, or a name like ECDSAP256SHA256";
    write_u8(out, (uint8_t)number);
    return NULL;
}

static void octet_to_text(struct writer *w, struct reader *r)
{
    write_decimal(w, read_u8(r));
}

static void algorithm_to_text(struct writer *w, struct reader *r)
{
    write_mnemonic(w, algorithms, read_u8(r));
}

static const char *certificate_from_words(struct dns_words *words, struct writer *out)
{
    uint32_t number;
    if (!number_from_word(words, certificates, UINT16_MAX, &number))
        return "a type of certificates: a number from 0 to 65535, or a name like PKIX";
    write_u16(out, (uint16_t)number);
    return NULL;
}

static void certificate_to_text(struct writer *w, struct reader *r)
{
    write_mnemonic(w, certificates, read_u16(r));
}

static const char *scheme_from_words(struct dns_words *words, struct writer *out)
{
    uint32_t number;
    if (!number_from_word(words, schemes, UINT8_MAX, &number))
        return "a scheme: NOTIFY, or a number from 0 to 255";
    write_u8(out, (uint8_t)number);
    return NULL;
}

static void scheme_to_text(struct writer *w, struct reader *r)
{
    write_mnemonic(w, schemes, read_u8(r));
}

/* ---- times -------------------------------------------------------------------------------- */

static void check_time(struct reader *r)
{
    read_skip(r, 4);
}

/* Two or four digits of a date; false when they are none. */
static bool digits_of(struct span text, size_t from, size_t count, int *out)
{
    uint32_t value;
    if (!dns_number_from_text(span_head(span_from(text, from), count), 9999, &value))
        return false;
    *out = (int)value;
    return true;
}

static bool date_from_text(struct span text, uint32_t *out)
{
    int year, month, day, hour, minute, second;
    if (text.len != 14 || !digits_of(text, 0, 4, &year) || !digits_of(text, 4, 2, &month) ||
        !digits_of(text, 6, 2, &day) || !digits_of(text, 8, 2, &hour) || !digits_of(text, 10, 2, &minute) ||
        !digits_of(text, 12, 2, &second))
        return false;
    int64_t at = civil_to_unix_s(year, month, day, hour, minute, second);
    *out = (uint32_t)at;
    return at >= 0 && at <= UINT32_MAX;
}

static const char *time_from_words(struct dns_words *words, struct writer *out)
{
    struct span text = words->words[words->next].text;
    uint32_t at;
    if (!date_from_text(text, &at) && (text.len > 10 || !dns_number_from_text(text, UINT32_MAX, &at)))
        return "a time as YYYYMMDDHHmmSS, or seconds since 1970";
    words->next++;
    write_u32(out, at);
    return NULL;
}

static void time_to_text(struct writer *w, struct reader *r)
{
    struct civil at = civil_of((int64_t)read_u32(r) * 1000);
    write_decimal_padded(w, at.year, 4);
    write_decimal_padded(w, at.month, 2);
    write_decimal_padded(w, at.day, 2);
    write_decimal_padded(w, at.hour, 2);
    write_decimal_padded(w, at.minute, 2);
    write_decimal_padded(w, at.second, 2);
}

/* ---- hardware addresses ------------------------------------------------------------------- */

static void check_eui48(struct reader *r)
{
    read_skip(r, 6);
}

static void check_eui64(struct reader *r)
{
    read_skip(r, 8);
}

static bool eui_from_text(struct span text, size_t octets, struct writer *out)
{
    if (text.len != octets * 3 - 1)
        return false;
    for (size_t i = 0; i < octets; i++)
        if ((i && text.at[i * 3 - 1] != '-') || !dns_hex_from_text(span_head(span_from(text, i * 3), 2), out))
            return false;
    return true;
}

static const char *eui48_from_words(struct dns_words *words, struct writer *out)
{
    if (!eui_from_text(words->words[words->next].text, 6, out))
        return "six octets like 00-00-5e-00-53-2a";
    words->next++;
    return NULL;
}

static const char *eui64_from_words(struct dns_words *words, struct writer *out)
{
    if (!eui_from_text(words->words[words->next].text, 8, out))
        return "eight octets like 00-00-5e-ef-10-00-00-2a";
    words->next++;
    return NULL;
}

static void eui_to_text(struct writer *w, struct reader *r, size_t octets)
{
    for (size_t i = 0; i < octets; i++)
        write_format(w, i ? "-%02x" : "%02x", read_u8(r));
}

static void eui48_to_text(struct writer *w, struct reader *r)
{
    eui_to_text(w, r, 6);
}

static void eui64_to_text(struct writer *w, struct reader *r)
{
    eui_to_text(w, r, 8);
}

/* ---- other addresses: RFC 6742 2.1 and 2.3, RFC 1183 3.2, RFC 1706 5 ----------------------------- */

/* Four groups of hexadecimal digits: half an IPv6 address, without ::. */
static const char *locator_from_words(struct dns_words *words, struct writer *out)
{
    uint8_t room[LOCATOR_WORDS * 5 + 1], address[16];
    struct writer whole = writer_over(room, sizeof room), made = writer_over(address, sizeof address);
    struct span text = words->words[words->next].text;
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++)
        colons += text.at[i] == ':';
    write_span(&whole, text);
    write_text(&whole, "::");
    if (colons != LOCATOR_WORDS - 1 || !writer_ok(&whole) || !dns_ip6_from_text(writer_span(&whole), &made))
        return "four groups of hexadecimal digits like 14:4fff:ff20:ee64";
    words->next++;
    write_bytes(out, address, sizeof address / 2);
    return NULL;
}

static void locator_to_text(struct writer *w, struct reader *r)
{
    for (int i = 0; i < LOCATOR_WORDS; i++)
        write_format(w, i ? ":%x" : "%x", read_u16(r));
}

static void check_subaddress(struct reader *r)
{
    if (reader_left(r))
        read_skip(r, read_u8(r));
}

static const char *subaddress_from_words(struct dns_words *words, struct writer *out)
{
    struct mark length = write_length8(out);
    if (!dns_octets_from_text(words->words[words->next].text, out))
        return "a text of at most 255 octets";
    words->next++;
    close_length8(out, length);
    return NULL;
}

static void subaddress_to_text(struct writer *w, struct reader *r)
{
    if (reader_left(r))
        write_dns_quoted(w, read_span(r, read_u8(r)));
}

static void check_some_octets(struct reader *r)
{
    if (!read_rest(r).len)
        reader_fail(r);
}

static const char *nsap_from_words(struct dns_words *words, struct writer *out)
{
    static const char right[] = "an address like 0x47.0005.80, in pairs of hexadecimal digits";
    struct span text = words->words[words->next].text;
    struct gatherer g = { .digits = hex_digits, .bits = 4 };
    if (!span_is_nocase(span_head(text, 2), "0x"))
        return right;
    for (size_t i = 2; i < text.len; i++)
        if (text.at[i] != '.' && !gather(&g, ascii_lower(text.at[i]), out))
            return right;
    if (!g.taken || g.held_bits)
        return right;
    words->next++;
    return NULL;
}

static void nsap_to_text(struct writer *w, struct reader *r)
{
    write_text(w, "0x");
    for (struct span s = read_rest(r); s.len; s = span_from(s, 1))
        write_format(w, "%02x", s.at[0]);
}

/* ---- salt and hash ------------------------------------------------------------------------ */

static void check_counted(struct reader *r)
{
    read_skip(r, read_u8(r));
}

static void check_hash(struct reader *r)
{
    uint8_t len = read_u8(r);
    read_skip(r, len);
    if (!len)
        reader_fail(r);
}

static const char *salt_from_words(struct dns_words *words, struct writer *out)
{
    struct span text = words->words[words->next].text;
    struct mark length = write_length8(out);
    if (!span_is(text, "-") && (!text.len || text.len > 510 || !dns_hex_from_text(text, out)))
        return "a salt of at most 255 octets in hexadecimal, or -";
    close_length8(out, length);
    words->next++;
    return NULL;
}

static void salt_to_text(struct writer *w, struct reader *r)
{
    struct span salt = read_span(r, read_u8(r));
    write_dns_hex(w, salt);
    if (!salt.len)
        write_u8(w, '-');
}

static const char *hash_from_words(struct dns_words *words, struct writer *out)
{
    static const char right[] = "a hash in base32 of the digits 0-9 and a-v, without padding";
    struct span text = words->words[words->next].text;
    struct gatherer g = { .digits = base32_digits, .bits = 5 };
    struct mark length = write_length8(out);
    if (!text.len || text.len > 408)
        return right;
    for (size_t i = 0; i < text.len; i++)
        if (!gather(&g, ascii_lower(text.at[i]), out))
            return right;
    if (g.held || g.held_bits >= 5)
        return right;
    close_length8(out, length);
    words->next++;
    return NULL;
}

static void hash_to_text(struct writer *w, struct reader *r)
{
    write_digits(w, read_span(r, read_u8(r)), base32_digits, 5);
}

/* ---- bitmaps of types --------------------------------------------------------------------- */

static void check_types(struct reader *r)
{
    for (int before = -1; reader_left(r);) { /* ends: each turn reads two octets or fails */
        int window = read_u8(r);
        struct span bits = read_span(r, read_u8(r));
        if (window <= before || !bits.len || bits.len > WINDOW_BYTES_MAX || !bits.at[bits.len - 1])
            reader_fail(r);
        before = window;
    }
}

static const char *types_from_words(struct dns_words *words, struct writer *out)
{
    uint8_t bits[WINDOWS][WINDOW_BYTES_MAX] = { 0 }, used[WINDOWS] = { 0 };
    for (; words->next < words->count; words->next++) {
        uint16_t type;
        if (!dns_type_from_text(words->words[words->next].text, &type))
            return "record types like A, MX or TYPE65";
        uint8_t at = (uint8_t)((type & 255) / 8);
        bits[type >> 8][at] |= (uint8_t)(128 >> type % 8);
        if (used[type >> 8] < at + 1)
            used[type >> 8] = (uint8_t)(at + 1);
    }
    for (size_t i = 0; i < WINDOWS; i++) {
        if (!used[i])
            continue;
        write_u8(out, (uint8_t)i);
        write_u8(out, used[i]);
        write_bytes(out, bits[i], used[i]);
    }
    return NULL;
}

/* `more`: others stand before; whether now any do comes back. */
static bool write_types(struct writer *w, unsigned window, struct span bits, bool more)
{
    for (unsigned i = 0; i < bits.len * 8; i++) {
        if (!(bits.at[i / 8] & 128 >> i % 8))
            continue;
        if (more)
            write_u8(w, ' ');
        write_dns_type_text(w, (uint16_t)(window << 8 | i));
        more = true;
    }
    return more;
}

static void types_to_text(struct writer *w, struct reader *r)
{
    for (bool more = false; reader_left(r);) { /* ends: each turn reads two octets or fails */
        unsigned window = read_u8(r);
        more = write_types(w, window, read_span(r, read_u8(r)), more);
    }
}

/* RFC 2535 5.2: one bit a type, the first octets of what became a window. Bit 0 stands for another form. */
static void check_low_types(struct reader *r)
{
    struct span bits = read_rest(r);
    if (bits.len > LOW_TYPES_BYTES_MAX || (bits.len && (bits.at[0] & 128 || !bits.at[bits.len - 1])))
        reader_fail(r);
}

static const char *low_types_from_words(struct dns_words *words, struct writer *out)
{
    uint8_t bits[LOW_TYPES_BYTES_MAX] = { 0 };
    size_t used = 0;
    for (; words->next < words->count; words->next++) {
        uint16_t type;
        if (!dns_type_from_text(words->words[words->next].text, &type) || !type || type >= sizeof bits * 8)
            return "record types below 128 like A, MX or TYPE100";
        bits[type / 8] |= (uint8_t)(128 >> type % 8);
        if (used < type / 8 + 1U)
            used = type / 8 + 1U;
    }
    write_bytes(out, bits, used);
    return NULL;
}

static void low_types_to_text(struct writer *w, struct reader *r)
{
    write_types(w, 0, read_rest(r), false);
}

/* ---- hexadecimal and base64 -------------------------------------------------------------- */

static void check_octets(struct reader *r)
{
    read_rest(r);
}

static const char *hex_from_words(struct dns_words *words, struct writer *out)
{
    struct gatherer g = { .digits = hex_digits, .bits = 4 };
    for (; words->next < words->count; words->next++)
        if (!gather_hex(&g, words->words[words->next].text, out))
            return "pairs of hexadecimal digits";
    words->next -= g.held_bits != 0; /* told of the last word */
    return g.held_bits ? "pairs of hexadecimal digits" : NULL;
}

static void hex_to_text(struct writer *w, struct reader *r)
{
    write_dns_hex(w, read_rest(r));
}

const char *dns_base64_from_rest(struct dns_words *words, struct writer *out)
{
    if (!dns_base64_from_words(words->words + words->next, words->count - words->next, out))
        return "base64";
    words->next = words->count;
    return NULL;
}

static void base64_to_text(struct writer *w, struct reader *r)
{
    write_dns_base64(w, read_rest(r));
}

/* ---- host identities: RFC 8005 5 ----------------------------------------------------------- */

static void check_host_key(struct reader *r)
{
    uint8_t tag_len = read_u8(r);
    read_skip(r, 1);
    uint16_t key_len = read_u16(r);
    read_skip(r, tag_len);
    read_skip(r, key_len);
    if (!tag_len || !key_len)
        reader_fail(r);
}

static const char *host_key_from_words(struct dns_words *words, struct writer *out)
{
    uint8_t room[255];
    struct writer tag = writer_over(room, sizeof room);
    uint32_t algorithm;
    if (!dns_number_from_text(words->words[words->next].text, UINT8_MAX, &algorithm))
        return "a number from 0 to 255";
    words->next++;
    if (words->next == words->count || !words->words[words->next].text.len ||
        !dns_hex_from_text(words->words[words->next].text, &tag) || !writer_ok(&tag))
        return "a host identity tag of at most 255 octets in hexadecimal";
    words->next++;
    write_u8(out, (uint8_t)writer_length(&tag));
    write_u8(out, (uint8_t)algorithm);
    struct mark length = write_length16(out);
    write_span(out, writer_span(&tag));
    struct mark key = writer_mark(out);
    if (words->next == words->count || !words->words[words->next].text.len ||
        !dns_base64_from_words(words->words + words->next, 1, out) ||
        writer_length(out) - key.offset > UINT16_MAX)
        return "a key in base64, in one word";
    writer_patch_u16(out, length, (uint16_t)(writer_length(out) - key.offset));
    words->next++;
    return NULL;
}

static void host_key_to_text(struct writer *w, struct reader *r)
{
    uint8_t tag_len = read_u8(r);
    write_decimal(w, read_u8(r));
    uint16_t key_len = read_u16(r);
    write_u8(w, ' ');
    write_dns_hex(w, read_span(r, tag_len));
    write_u8(w, ' ');
    write_dns_base64(w, read_span(r, key_len));
}

/* ---- names ---------------------------------------------------------------------------------- */

static void check_names(struct reader *r)
{
    while (reader_left(r)) /* ends: each turn reads at least an octet or fails */
        read_plain_name(r);
}

static const char *names_from_words(struct dns_words *words, struct writer *out)
{
    const char *wrong = NULL;
    while (!wrong && words->next < words->count) /* ends: each turn takes a word */
        wrong = dns_name_from_word(words, out);
    return wrong;
}

static void names_to_text(struct writer *w, struct reader *r)
{
    for (bool more = false; reader_left(r);
         more = true) { /* ends: each turn reads at least an octet or fails */
        if (more)
            write_u8(w, ' ');
        write_dns_name_text(w, read_plain_name(r));
    }
}

const struct dns_field_kind dns_fields[DNS_FIELDS] = {
    [DNS_FIELD_TYPE] = { false, check_two_octets, type_from_words, type_to_text },
    [DNS_FIELD_ALGORITHM] = { false, check_octet, algorithm_from_words, octet_to_text },
    [DNS_FIELD_NAMED_ALGORITHM] = { false, check_octet, algorithm_from_words, algorithm_to_text },
    [DNS_FIELD_CERTIFICATE] = { false, check_two_octets, certificate_from_words, certificate_to_text },
    [DNS_FIELD_SCHEME] = { false, check_octet, scheme_from_words, scheme_to_text },
    [DNS_FIELD_TIME] = { false, check_time, time_from_words, time_to_text },
    [DNS_FIELD_EUI48] = { false, check_eui48, eui48_from_words, eui48_to_text },
    [DNS_FIELD_EUI64] = { false, check_eui64, eui64_from_words, eui64_to_text },
    [DNS_FIELD_LOCATOR] = { false, check_eui64, locator_from_words, locator_to_text },
    [DNS_FIELD_SUBADDRESS] = { true, check_subaddress, subaddress_from_words, subaddress_to_text },
    [DNS_FIELD_NSAP] = { false, check_some_octets, nsap_from_words, nsap_to_text },
    [DNS_FIELD_LOCATION] = { false, dns_location_check, dns_location_from_words, write_dns_location_text },
    [DNS_FIELD_SALT] = { false, check_counted, salt_from_words, salt_to_text },
    [DNS_FIELD_HASH] = { false, check_hash, hash_from_words, hash_to_text },
    [DNS_FIELD_TYPES] = { true, check_types, types_from_words, types_to_text },
    [DNS_FIELD_LOW_TYPES] = { true, check_low_types, low_types_from_words, low_types_to_text },
    [DNS_FIELD_HEX] = { false, check_octets, hex_from_words, hex_to_text },
    [DNS_FIELD_BASE64] = { false, check_octets, dns_base64_from_rest, base64_to_text },
    [DNS_FIELD_KEY] = { true, check_octets, dns_base64_from_rest, base64_to_text },
    [DNS_FIELD_GATEWAY] = { false, dns_gateway_check, dns_gateway_from_words, write_dns_gateway_text },
    [DNS_FIELD_RELAY] = { false, dns_relay_check, dns_relay_from_words, write_dns_relay_text },
    [DNS_FIELD_HOST_KEY] = { false, check_host_key, host_key_from_words, host_key_to_text },
    [DNS_FIELD_NAMES] = { true, check_names, names_from_words, names_to_text },
    [DNS_FIELD_SERVICE] = { true, dns_service_check, dns_service_from_words, write_dns_service_text },
    [DNS_FIELD_PREFIXES] = { true, dns_prefixes_check, dns_prefixes_from_words, write_dns_prefixes_text },
};
