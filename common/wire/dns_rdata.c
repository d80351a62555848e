#include "dns_fields.h"

#include <arpa/inet.h>

/* From KINDS on: the rows of dns_fields. */
enum field { END, U8, U16, U32, PERIOD, IP4, IP6, NAME, SHRUNK_NAME, STRING, STRINGS, TAG, TEXT, KINDS };

#define TYPE            KINDS + DNS_FIELD_TYPE
#define ALGORITHM       KINDS + DNS_FIELD_ALGORITHM
#define TIME            KINDS + DNS_FIELD_TIME
#define EUI48           KINDS + DNS_FIELD_EUI48
#define EUI64           KINDS + DNS_FIELD_EUI64
#define LOCATION        KINDS + DNS_FIELD_LOCATION
#define SALT            KINDS + DNS_FIELD_SALT
#define HASH            KINDS + DNS_FIELD_HASH
#define CERTIFICATE     KINDS + DNS_FIELD_CERTIFICATE
#define NAMED_ALGORITHM KINDS + DNS_FIELD_NAMED_ALGORITHM
#define SCHEME          KINDS + DNS_FIELD_SCHEME
#define LOCATOR         KINDS + DNS_FIELD_LOCATOR
#define TYPES           KINDS + DNS_FIELD_TYPES
#define LOW_TYPES       KINDS + DNS_FIELD_LOW_TYPES
#define HEX             KINDS + DNS_FIELD_HEX
#define BASE64          KINDS + DNS_FIELD_BASE64
#define KEY             KINDS + DNS_FIELD_KEY
#define GATEWAY         KINDS + DNS_FIELD_GATEWAY
#define RELAY           KINDS + DNS_FIELD_RELAY
#define HOST_KEY        KINDS + DNS_FIELD_HOST_KEY
#define NAMES           KINDS + DNS_FIELD_NAMES
#define SERVICE         KINDS + DNS_FIELD_SERVICE
#define PREFIXES        KINDS + DNS_FIELD_PREFIXES
#define SUBADDRESS      KINDS + DNS_FIELD_SUBADDRESS
#define NSAP            KINDS + DNS_FIELD_NSAP

#define FIELDS_MAX 10

struct type_row {
    const char *name;
    uint8_t name_len;
    uint16_t code;
    uint8_t fields[FIELDS_MAX]; /* enum field, ended by END; none: not a type of records */
};

static const struct type_row rows[] = {
#define DNS_TYPE(name, code, ...) { #name, sizeof #name - 1, code, { __VA_ARGS__, END } },
#define DNS_META_TYPE(name, code) { #name, sizeof #name - 1, code, { END } },
#include "dns_types.def"
#undef DNS_TYPE
#undef DNS_META_TYPE
};
#define ROWS (sizeof rows / sizeof rows[0])

enum row_number {
#define DNS_TYPE(name, code, ...) ROW_##name,
#define DNS_META_TYPE(name, code) ROW_##name,
#include "dns_types.def"
#undef DNS_TYPE
#undef DNS_META_TYPE
};

/* 1-based row of each code up to the greatest that has one. */
static const uint8_t row_of_code[] = {
#define DNS_TYPE(name, code, ...) [code] = ROW_##name + 1,
#define DNS_META_TYPE(name, code) [code] = ROW_##name + 1,
#include "dns_types.def"
#undef DNS_TYPE
#undef DNS_META_TYPE
};

static const struct type_row opaque = { NULL, 0, 0, { HEX, END } };

/* NULL when the type has no row. */
static const struct type_row *row_of(uint16_t type)
{
    size_t row = type < sizeof row_of_code ? row_of_code[type] : 0;
    return row ? &rows[row - 1] : NULL;
}

static const uint8_t *fields_of(uint16_t type)
{
    const struct type_row *row = row_of(type);
    return row && row->fields[0] != END ? row->fields : opaque.fields;
}

/* ---- types ------------------------------------------------------------------------------ */

bool dns_number_from_text(struct span text, uint32_t most, uint32_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text.at[i] - '0');
        if (v > most)
            return false;
    }
    *out = (uint32_t)v;
    return text.len != 0;
}

bool dns_type_from_text(struct span text, uint16_t *out)
{
    uint32_t code;
    for (size_t i = 0; i < ROWS; i++)
        if (text.len == rows[i].name_len && span_is_nocase(text, rows[i].name)) {
            *out = rows[i].code;
            return true;
        }
    if (!span_is_nocase(span_head(text, 4), "TYPE") ||
        !dns_number_from_text(span_from(text, 4), UINT16_MAX, &code))
        return false;
    *out = (uint16_t)code;
    return true;
}

void write_dns_type_text(struct writer *w, uint16_t type)
{
    const struct type_row *row = row_of(type);
    write_text(w, row ? row->name : "TYPE");
    if (!row)
        write_decimal(w, type);
}

bool dns_type_is_meta(uint16_t type)
{
    const struct type_row *row = row_of(type);
    return type == 0 || (row && row->fields[0] == END) || (type >= 128 && type <= 255);
}

bool dns_type_shrinks(uint16_t type)
{
    const uint8_t *f = fields_of(type);
    while (*f != END && *f != SHRUNK_NAME)
        f++;
    return *f == SHRUNK_NAME;
}

/* ---- from and into messages ------------------------------------------------------------- */

/* How many octets a field of fixed size has; 0 for the others. */
static size_t fixed_bytes(uint8_t field)
{
    static const uint8_t bytes[] = { [U8] = 1,
                                     [U16] = 2,
                                     [U32] = 4,
                                     [PERIOD] = 4,
                                     [IP4] = 4,
                                     [IP6] = 16,
                                     [TYPE] = 2,
                                     [ALGORITHM] = 1,
                                     [TIME] = 4,
                                     [EUI48] = 6,
                                     [EUI64] = 8,
                                     [CERTIFICATE] = 2,
                                     [NAMED_ALGORITHM] = 1,
                                     [SCHEME] = 1,
                                     [LOCATOR] = 8,
                                     [KINDS + DNS_FIELDS - 1] = 0 };
    return bytes[field];
}

static bool is_letter_or_digit(uint8_t c)
{
    c = ascii_lower(c);
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* A field whose names are uncompressed, as it stands; `r` has failed when it is malformed. */
static struct span plain_field(uint8_t field, struct reader *r)
{
    struct reader from = *r;
    if (fixed_bytes(field))
        return read_span(r, fixed_bytes(field));
    if (field == NAME || field == SHRUNK_NAME)
        return read_plain_name(r);
    if (field == TEXT)
        return read_rest(r);
    if (field >= KINDS) {
        dns_fields[field - KINDS].check(r);
        return read_span(&from, reader_offset(r) - reader_offset(&from));
    }
    do { /* STRING, TAG, STRINGS, which has at least one; ends: each takes its length octet */
        uint8_t len = read_u8(r);
        struct span text = read_span(r, len);
        for (size_t i = 0; field == TAG && i < text.len; i++)
            if (!is_letter_or_digit(text.at[i]))
                reader_fail(r); /* RFC 8659 4.1 */
        if (field == TAG && len == 0)
            reader_fail(r);
    } while (field == STRINGS && reader_left(r));
    return read_span(&from, reader_offset(r) - reader_offset(&from));
}

static void copy_field(uint8_t field, struct reader *r, struct span message, struct writer *out)
{
    struct dns_name name;
    if (field != NAME && field != SHRUNK_NAME)
        write_span(out, plain_field(field, r));
    else if (read_dns_name(r, message, &name))
        write_span(out, dns_name_span(&name));
}

bool dns_rdata_is_plain(uint16_t type, struct span rdata)
{
    struct reader r = reader_over(rdata);
    for (const uint8_t *f = fields_of(type); *f != END; f++)
        plain_field(*f, &r);
    return reader_done(&r);
}

bool dns_rdata_read(uint16_t type, struct reader rdata, struct span message, struct writer *out)
{
    struct mark before = writer_mark(out);
    for (const uint8_t *f = fields_of(type); *f != END; f++)
        copy_field(*f, &rdata, message, out);
    if (reader_done(&rdata) && writer_ok(out))
        return true;
    writer_back_to(out, before);
    return false;
}

void write_dns_rdata(struct writer *w, struct dns_names *t, uint16_t type, struct span rdata)
{
    struct reader r = reader_over(rdata);
    for (const uint8_t *f = fields_of(type); *f != END; f++) {
        if (*f == SHRUNK_NAME)
            write_dns_name(w, t, read_plain_name(&r));
        else if (fixed_bytes(*f))
            write_span(w, read_span(&r, fixed_bytes(*f)));
        else
            break;
    }
    write_span(w, read_rest(&r)); /* no type has a name to be compressed behind other kinds of fields */
}

struct span dns_rdata_name(uint16_t type, struct span rdata)
{
    struct reader r = reader_over(rdata);
    const uint8_t *f = fields_of(type);
    for (; fixed_bytes(*f); f++)
        read_skip(&r, fixed_bytes(*f));
    return *f == NAME || *f == SHRUNK_NAME ? read_plain_name(&r) : read_span(&r, 0);
}

/* ---- from words ------------------------------------------------------------------------- */

static bool seconds_of_unit(uint8_t unit, uint32_t *out)
{
    switch (ascii_lower(unit)) {
    case 's':
        *out = 1;
        return true;
    case 'm':
        *out = 60;
        return true;
    case 'h':
        *out = 3600;
        return true;
    case 'd':
        *out = 86400;
        return true;
    case 'w':
        *out = 604800;
        return true;
    }
    return false;
}

bool dns_period_from_text(struct span text, uint32_t *out)
{
    uint64_t sum = 0, part = 0;
    bool digits = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        uint32_t unit;
        if (c >= '0' && c <= '9') {
            part = part * 10 + (uint64_t)(c - '0');
            digits = true;
        } else if (digits && seconds_of_unit(c, &unit)) {
            sum += part * unit;
            part = 0;
            digits = false;
        } else {
            return false;
        }
        if (part > DNS_TTL_MAX || sum > DNS_TTL_MAX)
            return false;
    }
    sum += part; /* a number without a unit is seconds, also behind others: "1h30" */
    *out = (uint32_t)sum;
    return text.len != 0 && sum <= DNS_TTL_MAX;
}

bool dns_ip4_from_text(struct span text, struct writer *out)
{
    struct reader r = reader_over(text);
    for (int part = 0; part < 4; part++) {
        uint32_t value = 0;
        int digits = 0;
        if (part && read_u8(&r) != '.')
            return false;
        for (int c; digits < 3 && (c = reader_peek(&r)) >= '0' && c <= '9'; digits++) {
            value = value * 10 + (uint32_t)(c - '0');
            read_skip(&r, 1);
        }
        if (!digits || value > 255)
            return false;
        write_u8(out, (uint8_t)value);
    }
    return reader_done(&r);
}

bool dns_ip6_from_text(struct span text, struct writer *out)
{
    char room[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (text.len >= sizeof room || memchr(text.at, 0, text.len))
        return false;
    memcpy(room, text.at, text.len);
    room[text.len] = 0;
    if (inet_pton(AF_INET6, room, bytes) != 1)
        return false;
    write_bytes(out, bytes, sizeof bytes);
    return true;
}

/* The octets of a word, \X and \DDD resolved. False when an escape is none. */
bool dns_octets_from_text(struct span text, struct writer *out)
{
    struct reader r = reader_over(text);
    while (reader_left(&r)) {
        uint8_t c = read_u8(&r);
        if (c != '\\') {
            write_u8(out, c);
            continue;
        }
        c = read_u8(&r);
        if (c < '0' || c > '9') {
            write_u8(out, c);
            continue;
        }
        uint32_t low, value;
        if (!dns_number_from_text(read_span(&r, 2), 99, &low))
            return false;
        value = (uint32_t)(c - '0') * 100 + low;
        if (value > 255)
            return false;
        write_u8(out, (uint8_t)value);
    }
    return reader_ok(&r);
}

static bool string_from_word(uint8_t field, struct span text, struct writer *out)
{
    struct mark length = write_length8(out);
    if (!dns_octets_from_text(text, out))
        return false;
    for (size_t i = 0; field == TAG && i < text.len; i++)
        if (!is_letter_or_digit(text.at[i]))
            return false;
    close_length8(out, length);
    return writer_ok(out) && (field != TAG || text.len != 0);
}

/* One word into one field. NULL, or what would be right. */
static const char *field_from_word(uint8_t field, const struct dns_word *word, const struct dns_name *origin,
                                   struct writer *out)
{
    struct dns_name name;
    uint32_t number;
    switch ((enum field)field) {
    case U8:
        if (!dns_number_from_text(word->text, UINT8_MAX, &number))
            return "a number from 0 to 255";
        write_u8(out, (uint8_t)number);
        return NULL;
    case U16:
        if (!dns_number_from_text(word->text, UINT16_MAX, &number))
            return "a number from 0 to 65535";
        write_u16(out, (uint16_t)number);
        return NULL;
    case U32:
        if (!dns_number_from_text(word->text, UINT32_MAX, &number))
            return "a number from 0 to 4294967295";
        write_u32(out, number);
        return NULL;
    case PERIOD:
        if (!dns_period_from_text(word->text, &number))
            return "seconds, or a time like 1h30m";
        write_u32(out, number);
        return NULL;
    case IP4:
        return dns_ip4_from_text(word->text, out) ? NULL : "an IPv4 address like 192.0.2.1";
    case IP6:
        return dns_ip6_from_text(word->text, out) ? NULL : "an IPv6 address like 2001:db8::1";
    case NAME:
    case SHRUNK_NAME: {
        const char *wrong = dns_name_from_text(word->text, origin, &name);
        if (!wrong)
            write_span(out, dns_name_span(&name));
        return wrong; /* says itself what would be right */
    }
    case STRING:
    case STRINGS:
        return string_from_word(field, word->text, out) ? NULL : "a text of at most 255 octets";
    case TAG:
        return string_from_word(field, word->text, out) ? NULL
                                                        : "a property of letters and digits, like issue";
    case TEXT:
        return dns_octets_from_text(word->text, out) ? NULL : "a text";
    case END:
    case KINDS:
        break;
    }
    return "nothing more";
}

static bool wrong_word(struct dns_word_problem *p, size_t word, const char *expected)
{
    *p = (struct dns_word_problem){ .word = word, .expected = expected };
    return false;
}

/* RFC 3597 5: \# LENGTH HEX..., whole octets in each word, unlike in the types that have hexadecimal. */
static bool generic_from_words(uint16_t type, const struct dns_word *words, size_t count, struct writer *out,
                               struct dns_word_problem *p)
{
    uint32_t len;
    struct mark before = writer_mark(out);
    if (count < 2 || !dns_number_from_text(words[1].text, UINT16_MAX, &len))
        return wrong_word(p, count < 2 ? count : 1, "the number of octets that follow");
    for (size_t i = 2; i < count; i++)
        if (!dns_hex_from_text(words[i].text, out))
            return wrong_word(p, i, "pairs of hexadecimal digits");
    struct span made = span_from(writer_span(out), before.offset);
    if (made.len != len || !writer_ok(out))
        return wrong_word(p, 1, "the number of octets that follow");
    return dns_rdata_is_plain(type, made) ||
           wrong_word(p, 2, "octets as this type has them, names uncompressed");
}

/* The words from words->next on, into the fields. NULL, or what would be right at words->next. */
static const char *fields_from_words(const uint8_t *f, struct dns_words *words, struct writer *out)
{
    for (bool more = false; *f != END; f++) {
        bool kind = *f >= KINDS;
        if (words->next == words->count && kind && dns_fields[*f - KINDS].may_be_empty)
            continue;
        do { /* ends: by the number of words, each turn takes one */
            if (words->next == words->count)
                return "one more word";
            const char *wrong = kind ? dns_fields[*f - KINDS].from_words(words, out)
                                     : field_from_word(*f, &words->words[words->next], words->origin, out);
            if (wrong)
                return wrong;
            words->next += !kind;
            more = *f == STRINGS && words->next < words->count;
        } while (more);
    }
    return words->next < words->count ? "nothing more: the record is complete" : NULL;
}

bool dns_rdata_from_words(uint16_t type, const struct dns_word *words, size_t count,
                          const struct dns_name *origin, struct writer *out, struct dns_word_problem *p)
{
    struct mark before = writer_mark(out);
    const uint8_t *f = fields_of(type);
    bool ok = true;
    if (count && !words[0].quoted && span_is(words[0].text, "\\#")) {
        ok = generic_from_words(type, words, count, out, p);
    } else if (f == opaque.fields) {
        ok = wrong_word(p, 0, "\\# and octets in hexadecimal, as this type has no other form here");
    } else {
        struct dns_words all = { words, count, 0, origin };
        const char *wrong = fields_from_words(f, &all, out);
        ok = !wrong || wrong_word(p, all.next, wrong);
    }
    if (ok && (!writer_ok(out) || writer_length(out) - before.offset > DNS_RDATA_BYTES_MAX))
        ok = wrong_word(p, count, "less: a record's data has at most 65535 octets");
    if (!ok)
        writer_back_to(out, before);
    return ok;
}

/* ---- to text ---------------------------------------------------------------------------- */

void write_dns_quoted_octet(struct writer *w, uint8_t c)
{
    if (c < ' ' || c > '~') {
        uint8_t escape[] = { '\\', (uint8_t)('0' + c / 100), (uint8_t)('0' + c / 10 % 10),
                             (uint8_t)('0' + c % 10) };
        write_bytes(w, escape, sizeof escape);
        return;
    }
    if (c == '"' || c == '\\')
        write_u8(w, '\\');
    write_u8(w, c);
}

void write_dns_quoted(struct writer *w, struct span s)
{
    write_u8(w, '"');
    for (size_t i = 0; i < s.len; i++)
        write_dns_quoted_octet(w, s.at[i]);
    write_u8(w, '"');
}

void write_dns_hex(struct writer *w, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        write_u8(w, (uint8_t) "0123456789ABCDEF"[s.at[i] >> 4]);
        write_u8(w, (uint8_t) "0123456789ABCDEF"[s.at[i] & 15]);
    }
}

void write_dns_address(struct writer *w, struct span s)
{
    char room[INET6_ADDRSTRLEN];
    if ((s.len == 4 || s.len == 16) && inet_ntop(s.len == 4 ? AF_INET : AF_INET6, s.at, room, sizeof room))
        write_text(w, room);
}

static void write_field_text(struct writer *w, uint8_t field, struct reader *r)
{
    switch ((enum field)field) {
    case U8:
        write_decimal(w, read_u8(r));
        break;
    case U16:
        write_decimal(w, read_u16(r));
        break;
    case U32:
    case PERIOD:
        write_decimal(w, read_u32(r));
        break;
    case IP4:
        write_dns_address(w, read_span(r, 4));
        break;
    case IP6:
        write_dns_address(w, read_span(r, 16));
        break;
    case NAME:
    case SHRUNK_NAME:
        write_dns_name_text(w, read_plain_name(r));
        break;
    case STRING:
        write_dns_quoted(w, read_span(r, read_u8(r)));
        break;
    case STRINGS:
        write_dns_quoted(w, read_span(r, read_u8(r)));
        while (reader_left(r)) {
            write_u8(w, ' ');
            write_dns_quoted(w, read_span(r, read_u8(r)));
        }
        break;
    case TAG:
        write_span(w, read_span(r, read_u8(r)));
        break;
    case TEXT:
        write_dns_quoted(w, read_rest(r));
        break;
    case END:
    case KINDS:
        break;
    }
}

void write_dns_rdata_text(struct writer *w, uint16_t type, struct span rdata)
{
    const uint8_t *f = fields_of(type);
    struct reader r = reader_over(rdata);
    if (f == opaque.fields) {
        write_text(w, "\\# ");
        write_decimal(w, rdata.len);
        if (rdata.len)
            write_u8(w, ' ');
    }
    for (size_t i = 0; f[i] != END; i++) {
        bool kind = f[i] >= KINDS;
        bool nothing = kind && !reader_left(&r);
        if (i && !nothing)
            write_u8(w, ' ');
        if (kind)
            dns_fields[f[i] - KINDS].to_text(w, &r);
        else
            write_field_text(w, f[i], &r);
    }
}
