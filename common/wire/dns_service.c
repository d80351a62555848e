/* The parameters of SVCB and HTTPS records (RFC 9460 2.1, 2.2, 7 and 14.3; RFC 9461 for dohpath). */
#include "dns_fields.h"

enum { MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, ECH, IPV6HINT, DOHPATH, OHTTP, KNOWN };

static const char *const names[KNOWN] = { "mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                          "ech",       "ipv6hint", "dohpath",         "ohttp" };

#define KEY_INVALID 65535

struct parameter {
    uint16_t key;
    size_t word; /* of the key */
    struct span value;
    bool by_number; /* keyN: the octets of the value are what is sent, also where the key has a name */
};

/* ---- wire --------------------------------------------------------------------------------- */

/* Keys in rising order, at least one, not "mandatory" itself. */
static void check_mandatory(struct reader *r)
{
    uint16_t before = MANDATORY;
    do { /* ends: each turn reads two octets or fails */
        uint16_t key = read_u16(r);
        if (key <= before)
            reader_fail(r);
        before = key;
    } while (reader_left(r));
}

static void check_protocols(struct reader *r)
{
    do { /* ends: each turn reads a length octet or fails */
        uint8_t len = read_u8(r);
        read_skip(r, len);
        if (!len)
            reader_fail(r);
    } while (reader_left(r));
}

static bool value_is_good(uint16_t key, struct reader value)
{
    size_t len = reader_left(&value);
    switch (key) {
    case MANDATORY:
        check_mandatory(&value);
        return reader_done(&value);
    case ALPN:
        check_protocols(&value);
        return reader_done(&value);
    case NO_DEFAULT_ALPN:
    case OHTTP:
        return len == 0;
    case PORT:
        return len == 2;
    case IPV4HINT:
        return len && len % 4 == 0;
    case IPV6HINT:
        return len && len % 16 == 0;
    case ECH:
    case DOHPATH:
        return len != 0;
    }
    return key != KEY_INVALID;
}

void dns_service_check(struct reader *r)
{
    for (int32_t before = -1; reader_left(r);) { /* ends: each turn reads four octets or fails */
        uint16_t key = read_u16(r);
        struct reader value = read_window(r, read_u16(r));
        if (key <= before || !value_is_good(key, value))
            reader_fail(r);
        before = key;
    }
}

/* ---- from words --------------------------------------------------------------------------- */

static bool is_numbered(struct span key)
{
    return span_is(span_head(key, 3), "key");
}

/* RFC 9460 2.1: lower case, and numbers without zeros in front. */
static bool key_from_text(struct span text, uint16_t *out)
{
    struct span digits = span_from(text, 3);
    uint32_t number;
    for (size_t i = 0; i < KNOWN; i++)
        if (span_is(text, names[i])) {
            *out = (uint16_t)i;
            return true;
        }
    if (!is_numbered(text) || (digits.len > 1 && digits.at[0] == '0') ||
        !dns_number_from_text(digits, KEY_INVALID - 1, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}

/* "key", "key=value", or "key=" and the quoted word behind it. */
static const char *take_parameter(struct dns_words *words, struct parameter *p)
{
    struct span text = words->words[words->next].text;
    size_t equals = span_find(text, '=');
    *p = (struct parameter){ .word = words->next, .by_number = is_numbered(text) };
    p->value = span_from(text, equals + 1);
    if (words->words[words->next].quoted || !key_from_text(span_head(text, equals), &p->key))
        return "a parameter like alpn=h2, port=8443 or key65000=text";
    words->next++;
    if (equals < text.len && !p->value.len && words->next < words->count && words->words[words->next].quoted)
        p->value = words->words[words->next++].text;
    return NULL;
}

/* The next item of a list, and `list` moves behind its comma. False: there was no comma any more. */
static bool take_item(struct span *list, struct span *item)
{
    if (!list->at)
        return false;
    *item = span_head(*list, span_find(*list, ','));
    *list = item->len < list->len ? span_from(*list, item->len + 1) : (struct span){ NULL, 0 };
    return true;
}

static bool mandatory_from_text(struct span list, struct writer *out)
{
    uint16_t keys[DNS_FIELD_SERVICE_PARAMETERS_MAX];
    size_t count = 0;
    for (struct span item; take_item(&list, &item);) {
        uint16_t key;
        if (count == DNS_FIELD_SERVICE_PARAMETERS_MAX || !key_from_text(item, &key))
            return false;
        size_t at = count++;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
    for (size_t i = 0; i < count; i++)
        write_u16(out, keys[i]);
    return true;
}

/* A list whose items may hold \, and \\ (RFC 9460 A.1); its own escapes are resolved before. */
static bool protocols_from_text(struct span list, struct writer *out)
{
    struct reader r = reader_over(list);
    struct mark length = write_length8(out);
    while (reader_left(&r)) {
        uint8_t c = read_u8(&r);
        if (c == ',') {
            close_length8(out, length);
            length = write_length8(out);
            continue;
        }
        write_u8(out, c == '\\' ? read_u8(&r) : c);
    }
    close_length8(out, length);
    return reader_ok(&r);
}

static bool addresses_from_text(uint16_t key, struct span list, struct writer *out)
{
    for (struct span item; take_item(&list, &item);)
        if (!(key == IPV4HINT ? dns_ip4_from_text(item, out) : dns_ip6_from_text(item, out)))
            return false;
    return true;
}

static bool value_from_text(uint16_t key, struct span text, struct writer *out)
{
    struct dns_word word = { text, false };
    uint32_t number;
    switch (key) {
    case MANDATORY:
        return mandatory_from_text(text, out);
    case ALPN:
        return protocols_from_text(text, out);
    case PORT:
        if (!dns_number_from_text(text, UINT16_MAX, &number))
            return false;
        write_u16(out, (uint16_t)number);
        return true;
    case IPV4HINT:
    case IPV6HINT:
        return addresses_from_text(key, text, out);
    case ECH:
        return dns_base64_from_words(&word, 1, out);
    }
    write_span(out, text);
    return true;
}

static const char *what_is_right(uint16_t key)
{
    static const char *const right[KNOWN] = { "mandatory= and other keys, each once",
                                              "alpn= and protocols like h2,h3",
                                              "no-default-alpn without a value",
                                              "port= and a number from 0 to 65535",
                                              "ipv4hint= and addresses like 192.0.2.1",
                                              "ech= and base64",
                                              "ipv6hint= and addresses like 2001:db8::1",
                                              "dohpath= and a template like /dns-query{?dns}",
                                              "ohttp without a value" };
    return key < KNOWN ? right[key] : "a key below 65535 and a value of at most 4096 octets";
}

static const char *write_parameter(const struct parameter *p, struct writer *out)
{
    uint8_t room[DNS_FIELD_VALUE_BYTES_MAX];
    struct writer value = writer_over(room, sizeof room);
    write_u16(out, p->key);
    struct mark length = write_length16(out);
    if (!dns_octets_from_text(p->value, &value) || !writer_ok(&value))
        return what_is_right(p->key);
    struct mark before = writer_mark(out);
    if (p->by_number)
        write_span(out, writer_span(&value));
    else if (!value_from_text(p->key, writer_span(&value), out))
        return what_is_right(p->key);
    close_length16(out, length);
    struct reader made = reader_over(span_from(writer_span(out), before.offset));
    return value_is_good(p->key, made) ? NULL : what_is_right(p->key);
}

static const struct parameter *find(const struct parameter *all, size_t count, uint16_t key)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].key == key)
            return &all[i];
    return NULL;
}

/* What one parameter asks of the others: RFC 9460 7.1.1 and 8. `made` is what was written, where "mandatory"
 * is the first key. */
static const char *what_is_missing(const struct parameter *all, size_t count, struct reader made,
                                   struct dns_words *words)
{
    const struct parameter *mandatory = find(all, count, MANDATORY);
    const struct parameter *alone = find(all, count, NO_DEFAULT_ALPN);
    if (alone && !find(all, count, ALPN)) {
        words->next = alone->word;
        return "alpn= as well, where the default is not offered";
    }
    read_skip(&made, 2);
    struct reader keys = read_window(&made, mandatory ? read_u16(&made) : 0);
    while (reader_left(&keys)) /* ends: each turn reads a key */
        if (!find(all, count, read_u16(&keys))) {
            words->next = mandatory->word;
            return "each mandatory key among the parameters";
        }
    return NULL;
}

const char *dns_service_from_words(struct dns_words *words, struct writer *out)
{
    struct parameter all[DNS_FIELD_SERVICE_PARAMETERS_MAX], new;
    struct mark start = writer_mark(out);
    size_t count = 0, end;
    while (words->next < words->count) { /* ends: each turn takes a word */
        size_t at = words->next;
        const char *wrong = take_parameter(words, &new);
        if (!wrong && find(all, count, new.key))
            wrong = "each parameter only once";
        if (!wrong && count == DNS_FIELD_SERVICE_PARAMETERS_MAX)
            wrong = "at most 64 parameters";
        if (wrong) {
            words->next = at;
            return wrong;
        }
        for (at = count++; at > 0 && all[at - 1].key > new.key; at--)
            all[at] = all[at - 1];
        all[at] = new;
    }
    end = words->next;
    for (size_t i = 0; i < count; i++) {
        const char *wrong = write_parameter(&all[i], out);
        words->next = wrong ? all[i].word : end;
        if (wrong)
            return wrong;
    }
    return what_is_missing(all, count, reader_over(span_from(writer_span(out), start.offset)), words);
}

/* ---- to text ------------------------------------------------------------------------------ */

static void write_key(struct writer *w, uint16_t key)
{
    write_text(w, key < KNOWN ? names[key] : "key");
    if (key >= KNOWN)
        write_decimal(w, key);
}

static void write_protocols(struct writer *w, struct reader *r)
{
    for (bool more = false; reader_left(r); more = true) { /* ends: each turn reads a length octet */
        struct span item = read_span(r, read_u8(r));
        if (more)
            write_u8(w, ',');
        for (size_t i = 0; i < item.len; i++) {
            if (item.at[i] == ',' || item.at[i] == '\\')
                write_text(w, "\\\\");
            write_dns_quoted_octet(w, item.at[i]);
        }
    }
}

static void write_list(struct writer *w, uint16_t key, struct reader *r)
{
    size_t each = key == MANDATORY ? 2 : key == IPV4HINT ? 4 : 16;
    for (bool more = false; reader_left(r); more = true) { /* ends: each turn reads or fails */
        if (more)
            write_u8(w, ',');
        if (key == MANDATORY)
            write_key(w, read_u16(r));
        else
            write_dns_address(w, read_span(r, each));
    }
}

static void write_value(struct writer *w, uint16_t key, struct reader value)
{
    write_u8(w, '=');
    switch (key) {
    case MANDATORY:
    case IPV4HINT:
    case IPV6HINT:
        write_list(w, key, &value);
        break;
    case ALPN:
        write_u8(w, '"');
        write_protocols(w, &value);
        write_u8(w, '"');
        break;
    case PORT:
        write_decimal(w, read_u16(&value));
        break;
    case ECH:
        write_dns_base64(w, read_rest(&value));
        break;
    default:
        write_dns_quoted(w, read_rest(&value));
    }
}

void write_dns_service_text(struct writer *w, struct reader *r)
{
    for (bool more = false; reader_left(r); more = true) { /* ends: each turn reads four octets or fails */
        uint16_t key = read_u16(r);
        struct reader value = read_window(r, read_u16(r));
        if (more)
            write_u8(w, ' ');
        write_key(w, key);
        if (reader_left(&value))
            write_value(w, key, value);
    }
}
