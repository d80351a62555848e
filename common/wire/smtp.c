#include "smtp.h"

#include <arpa/inet.h>

/* ---- lines ---------------------------------------------------------------------------- */

/* Where the first CR, LF or NUL stands, or s.len. */
static size_t find_control(struct span s)
{
    size_t lf = span_find(s, '\n');
    size_t cr = span_find(span_head(s, lf), '\r');
    return span_find(span_head(s, cr), '\0');
}

enum smtp_token smtp_split(struct span in, struct span *text, size_t *taken)
{
    struct span seen = span_head(in, SMTP_LINE_MAX + 1);
    struct reader r = reader_over(seen);
    *text = read_span(&r, find_control(seen));
    *taken = 0;
    if (text->len >= SMTP_LINE_MAX) {
        *text = span_head(in, SMTP_LINE_MAX);
        *taken = SMTP_LINE_MAX;
        return SMTP_LONG;
    }
    if (reader_left(&r) == 0)
        return SMTP_MORE;
    uint8_t control = read_u8(&r);
    bool cr = control == '\r';
    if (cr && reader_left(&r) == 0)
        return SMTP_MORE;
    *taken = reader_offset(&r);
    if (cr && read_u8(&r) == '\n') {
        *taken = reader_offset(&r);
        return SMTP_LINE;
    }
    return cr ? SMTP_BARE_CR : control == '\n' ? SMTP_BARE_LF : SMTP_NUL;
}

static struct span trim(struct span s)
{
    size_t from = 0;
    while (from < s.len && (s.at[from] == ' ' || s.at[from] == '\t'))
        from++;
    s = span_from(s, from);
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct smtp_command smtp_parse_command(struct span line)
{
    size_t space = span_find(line, ' ');
    return (struct smtp_command){ .verb = trim(span_head(line, space)),
                                  .argument = trim(span_from(line, space)) };
}

/* ---- character classes ------------------------------------------------------------------ */

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool is_domain_character(uint8_t c)
{
    return is_letter_or_digit(c) || c == '-';
}

/* atext, RFC 5322 3.2.3 */
static bool is_atext(uint8_t c)
{
    return is_letter_or_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* dcontent of an address literal, RFC 5321 4.1.3 */
static bool is_literal_content(uint8_t c)
{
    return (c >= 33 && c <= 90) || (c >= 94 && c <= 126);
}

/* esmtp-value, RFC 5321 4.1.2 */
static bool is_param_value(uint8_t c)
{
    return c >= 33 && c <= 126 && c != '=';
}

/* The next byte without taking it; NUL, which is in no grammar here, at the end. */
static uint8_t peek(const struct reader *r)
{
    struct reader copy = *r;
    return read_u8(&copy);
}

static bool take(struct reader *r, uint8_t c)
{
    if (reader_left(r) == 0 || peek(r) != c)
        return false;
    read_skip(r, 1);
    return true;
}

/* The longest run of bytes of a class; may be empty. */
static struct span take_run(struct reader *r, bool (*in_class)(uint8_t))
{
    struct reader ahead = *r;
    size_t n = 0;
    while (reader_left(&ahead) > 0 && in_class(read_u8(&ahead)))
        n++;
    return read_span(r, n);
}

/* ---- paths ------------------------------------------------------------------------------ */

/* Domain = sub-domain *("." sub-domain); empty and failed when there is none. */
static struct span read_domain(struct reader *r)
{
    struct span rest = span_of(r->at, reader_left(r));
    size_t start = reader_offset(r);
    do {
        struct span label = take_run(r, is_domain_character);
        if (label.len == 0 || label.at[0] == '-' || label.at[label.len - 1] == '-')
            reader_fail(r);
    } while (reader_ok(r) && take(r, '.'));
    size_t n = reader_offset(r) - start;
    if (n > SMTP_DOMAIN_MAX)
        reader_fail(r);
    return span_head(rest, reader_ok(r) ? n : 0);
}

static bool is_address(int family, struct span text)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, address) == 1;
}

/* What stands between the brackets, RFC 5321 4.1.3; "IPv6" is the only tag that was ever registered. */
static bool is_literal_inside(struct span s)
{
    struct span tag = span_text("IPv6:");
    if (span_equal_nocase(span_head(s, tag.len), tag))
        return is_address(AF_INET6, span_from(s, tag.len));
    return is_address(AF_INET, s);
}

static struct span read_literal(struct reader *r)
{
    struct span rest = span_of(r->at, reader_left(r));
    size_t start = reader_offset(r);
    if (!take(r, '['))
        reader_fail(r);
    struct span inside = take_run(r, is_literal_content);
    if (!is_literal_inside(inside) || !take(r, ']'))
        reader_fail(r);
    return span_head(rest, reader_ok(r) ? reader_offset(r) - start : 0);
}

/* Dot-string = Atom *("." Atom) */
static void read_dot_string(struct reader *r, struct writer *local)
{
    do {
        struct span atom = take_run(r, is_atext);
        if (atom.len == 0)
            reader_fail(r);
        write_span(local, atom);
    } while (reader_ok(r) && take(r, '.') && (write_u8(local, '.'), true));
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE, written without its quoting. */
static void read_quoted_string(struct reader *r, struct writer *local)
{
    read_skip(r, 1);
    while (reader_ok(r) && !take(r, '"')) {
        take(r, '\\');
        uint8_t c = read_u8(r);
        if (c < ' ' || c > '~')
            reader_fail(r);
        write_u8(local, c);
    }
}

static void read_local_part(struct reader *r, struct smtp_path *out)
{
    struct writer local = writer_over(out->local, sizeof out->local);
    if (peek(r) == '"')
        read_quoted_string(r, &local);
    else
        read_dot_string(r, &local);
    if (!writer_ok(&local))
        reader_fail(r);
    out->local_len = writer_length(&local);
}

bool smtp_read_mailbox(struct reader *r, struct smtp_path *out)
{
    *out = (struct smtp_path){ 0 };
    read_local_part(r, out);
    if (!take(r, '@'))
        reader_fail(r);
    out->literal = peek(r) == '[';
    out->domain = out->literal ? read_literal(r) : read_domain(r);
    return reader_ok(r);
}

/* A-d-l ":" of a path, read and ignored (RFC 5321 appendix C). */
static void skip_source_route(struct reader *r)
{
    size_t hosts = 0;
    if (peek(r) != '@')
        return;
    do {
        if (hosts++ == SMTP_SOURCE_ROUTE_MAX || !take(r, '@'))
            reader_fail(r);
        read_domain(r);
    } while (take(r, ','));
    if (!take(r, ':'))
        reader_fail(r);
}

/* "<" ... ">" around a mailbox, with the RFC's bound on the whole. */
static bool read_path(struct reader *r, struct smtp_path *out, bool may_be_postmaster)
{
    size_t start = reader_offset(r);
    *out = (struct smtp_path){ 0 };
    if (!take(r, '<'))
        reader_fail(r);
    struct reader whole = *r;
    if (may_be_postmaster && span_is_nocase(take_run(&whole, is_atext), "postmaster") && take(&whole, '>')) {
        *r = whole;
        out->local_len = strlen("postmaster");
        memcpy(out->local, "postmaster", out->local_len);
        return reader_ok(r);
    }
    skip_source_route(r);
    smtp_read_mailbox(r, out);
    if (!take(r, '>') || reader_offset(r) - start > SMTP_PATH_MAX)
        reader_fail(r);
    return reader_ok(r);
}

bool smtp_read_reverse_path(struct reader *r, struct smtp_path *out)
{
    struct reader null = *r;
    if (take(&null, '<') && take(&null, '>')) {
        *r = null;
        *out = (struct smtp_path){ .null = true };
        return true;
    }
    return read_path(r, out, false);
}

bool smtp_read_forward_path(struct reader *r, struct smtp_path *out)
{
    return read_path(r, out, true);
}

bool smtp_is_domain(struct span s)
{
    struct reader r = reader_over(s);
    read_domain(&r);
    return reader_done(&r);
}

bool smtp_is_address_literal(struct span s)
{
    struct reader r = reader_over(s);
    read_literal(&r);
    return reader_done(&r);
}

bool smtp_is_dot_string(struct span s)
{
    uint8_t room[SMTP_PATH_MAX];
    struct writer local = writer_over(room, sizeof room);
    struct reader r = reader_over(s);
    read_dot_string(&r, &local);
    return reader_done(&r) && writer_ok(&local);
}

void smtp_write_mailbox(struct writer *w, struct span local, struct span domain)
{
    bool quoted = !smtp_is_dot_string(local);
    if (quoted)
        write_u8(w, '"');
    for (size_t i = 0; i < local.len; i++) {
        if (quoted && (local.at[i] == '"' || local.at[i] == '\\'))
            write_u8(w, '\\');
        write_u8(w, local.at[i]);
    }
    if (quoted)
        write_u8(w, '"');
    if (domain.len > 0)
        write_u8(w, '@');
    write_span(w, domain);
}

enum smtp_param_kind smtp_read_param(struct reader *r, struct smtp_param *out)
{
    *out = (struct smtp_param){ 0 };
    if (!reader_ok(r))
        return SMTP_PARAM_BAD;
    bool space = false;
    while (take(r, ' '))
        space = true;
    if (reader_left(r) == 0)
        return SMTP_PARAM_END;
    out->keyword = take_run(r, is_domain_character);
    out->has_value = take(r, '=');
    if (out->has_value)
        out->value = take_run(r, is_param_value);
    bool ended = reader_left(r) == 0 || peek(r) == ' ';
    bool good = out->keyword.len > 0 && out->keyword.at[0] != '-' && (!out->has_value || out->value.len > 0);
    if (space && good && ended)
        return SMTP_PARAM;
    reader_fail(r);
    return SMTP_PARAM_BAD;
}

/* ---- notifications ---------------------------------------------------------------------- */

static const struct {
    const char *word;
    unsigned bit;
} notify_words[] = {
    { "SUCCESS", SMTP_NOTIFY_SUCCESS },
    { "FAILURE", SMTP_NOTIFY_FAILURE },
    { "DELAY", SMTP_NOTIFY_DELAY },
};

#define NOTIFY_WORDS (sizeof notify_words / sizeof notify_words[0])

bool smtp_parse_notify(struct span value, unsigned *out)
{
    *out = SMTP_NOTIFY_NEVER;
    if (span_is_nocase(value, "NEVER"))
        return true;
    *out = 0;
    for (bool more = true; more;) { /* each turn takes a word and a comma */
        size_t comma = span_find(value, ',');
        unsigned bit = 0;
        for (size_t i = 0; i < NOTIFY_WORDS; i++)
            bit |= span_is_nocase(span_head(value, comma), notify_words[i].word) ? notify_words[i].bit : 0;
        if (!bit)
            return false;
        *out |= bit;
        more = comma < value.len;
        value = span_from(value, comma + 1);
    }
    return true;
}

void smtp_write_notify(struct writer *w, unsigned notify)
{
    if (notify & SMTP_NOTIFY_NEVER) {
        write_text(w, "NEVER");
        return;
    }
    bool first = true;
    for (size_t i = 0; i < NOTIFY_WORDS; i++) {
        if (!(notify & notify_words[i].bit))
            continue;
        write_text(w, first ? "" : ",");
        write_text(w, notify_words[i].word);
        first = false;
    }
}

void smtp_write_xtext(struct writer *w, struct span s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];
        if (c > ' ' && c <= '~' && c != '+' && c != '=') {
            write_u8(w, c);
            continue;
        }
        write_u8(w, '+');
        write_u8(w, (uint8_t)digits[c >> 4]);
        write_u8(w, (uint8_t)digits[c & 15]);
    }
}

/* Upper case only (RFC 3461 4); 16 for anything else. */
static unsigned hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - (unsigned)'0' : c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10 : 16;
}

bool smtp_read_xtext(struct span s, struct writer *out)
{
    struct reader r = reader_over(s);
    while (reader_left(&r) > 0) {
        uint8_t c = read_u8(&r);
        if (c <= ' ' || c > '~' || c == '=')
            return false;
        if (c == '+') {
            unsigned high = hex_digit(read_u8(&r));
            unsigned low = hex_digit(read_u8(&r));
            if (high > 15 || low > 15)
                return false;
            c = (uint8_t)(high << 4 | low);
        }
        write_u8(out, c);
    }
    return reader_ok(&r) && writer_ok(out);
}

/* ---- message text ----------------------------------------------------------------------- */

static bool is_spoilt(const struct smtp_dot_decoder *d)
{
    return d->bare_cr || d->bare_lf || d->nul;
}

#define DECODE_STRIDE                                                                                        \
    1024 /* looked at in one step, so that a text of nothing but CRs costs no square of its length */

/* Text up to what could be a line's end. */
static void decode_text(struct smtp_dot_decoder *d, struct reader *r, struct writer *out)
{
    struct span stride = span_head(span_of(r->at, reader_left(r)), DECODE_STRIDE);
    struct span text = read_span(r, find_control(stride));
    if (!is_spoilt(d))
        write_span(out, text);
    if (text.len == stride.len)
        return;
    uint8_t control = read_u8(r);
    if (control == '\r')
        d->at = SMTP_DOT_CR;
    else if (control == '\n')
        d->bare_lf = true;
    else
        d->nul = true;
}

/* One step of the decoder: takes something, or changes what it waits for. */
static enum smtp_dot decode_step(struct smtp_dot_decoder *d, struct reader *r, struct writer *out)
{
    switch (d->at) {
    case SMTP_DOT_START:
        d->at = take(r, '.') ? SMTP_DOT_DOT : SMTP_DOT_TEXT;
        break;
    case SMTP_DOT_DOT:
        d->at = take(r, '\r') ? SMTP_DOT_DOT_CR : SMTP_DOT_TEXT;
        break;
    case SMTP_DOT_DOT_CR:
        if (take(r, '\n'))
            return SMTP_DOT_END;
        d->bare_cr = true;
        d->at = SMTP_DOT_TEXT;
        break;
    case SMTP_DOT_TEXT:
        decode_text(d, r, out);
        break;
    case SMTP_DOT_CR:
        if (take(r, '\n')) {
            if (!is_spoilt(d))
                write_text(out, "\r\n");
            d->at = SMTP_DOT_START;
        } else {
            d->bare_cr = true;
            d->at = SMTP_DOT_TEXT;
        }
    }
    return SMTP_DOT_MORE;
}

/* A piece of n bytes writes at most n + 1: only a CR held back from the piece before comes on top. */
enum smtp_dot smtp_dot_decode(struct smtp_dot_decoder *d, struct span in, struct writer *out, size_t *taken)
{
    enum smtp_dot end = SMTP_DOT_MORE;
    *taken = 0;
    while (end == SMTP_DOT_MORE && *taken < in.len && writer_room(out) >= 2) {
        struct reader piece = reader_over(span_head(span_from(in, *taken), writer_room(out) - 1));
        while (end == SMTP_DOT_MORE && reader_left(&piece) > 0)
            end = decode_step(d, &piece, out);
        *taken += reader_offset(&piece);
    }
    return end;
}

/* What one byte becomes; a CR is held back until what follows tells whether it was bare. */
static void encode_byte(struct smtp_dot_encoder *e, uint8_t c, struct writer *out)
{
    if (e->after_cr && c != '\n') {
        write_u8(out, ' ');
        e->within_line = true;
    }
    e->after_cr = c == '\r';
    if (c == '\r')
        return;
    if (c == '\n') {
        write_text(out, "\r\n");
        e->within_line = false;
        return;
    }
    if (c == '.' && !e->within_line)
        write_u8(out, '.');
    write_u8(out, c == '\0' ? ' ' : c);
    e->within_line = true;
}

#define ENCODED_BYTE_MAX 3 /* the space for a held CR, a doubled dot */

size_t smtp_dot_encode(struct smtp_dot_encoder *e, struct span in, struct writer *out)
{
    struct reader r = reader_over(in);
    while (reader_left(&r) > 0 && writer_room(out) >= ENCODED_BYTE_MAX)
        encode_byte(e, read_u8(&r), out);
    return reader_offset(&r);
}

void smtp_dot_finish(struct smtp_dot_encoder *e, struct writer *out)
{
    if (e->within_line || e->after_cr)
        write_text(out, "\r\n");
    write_text(out, ".\r\n");
    *e = (struct smtp_dot_encoder){ 0 };
}

/* ---- replies ---------------------------------------------------------------------------- */

#define REPLY_HEAD 4 /* "250 " */

void smtp_write_reply_line(struct writer *w, unsigned code, bool last, struct span text)
{
    struct span shown = span_head(text, SMTP_REPLY_LINE_MAX - REPLY_HEAD - 2);
    write_decimal(w, code);
    write_u8(w, last ? ' ' : '-');
    for (size_t i = 0; i < shown.len; i++)
        write_u8(w, shown.at[i] >= ' ' && shown.at[i] <= '~' ? shown.at[i] : '?');
    write_text(w, "\r\n");
}

/* Reply-code = %x32-35 %x30-35 %x30-39 (RFC 5321 4.2); 0 when the line does not begin with one. */
static unsigned read_reply_code(struct reader *r)
{
    uint8_t first = read_u8(r);
    uint8_t second = read_u8(r);
    uint8_t third = read_u8(r);
    if (first < '2' || first > '5' || second < '0' || second > '9' || third < '0' || third > '9')
        return 0;
    return (unsigned)(first - '0') * 100 + (unsigned)(second - '0') * 10 + (unsigned)(third - '0');
}

/* One line into the reply; *last tells that no other follows. */
static bool add_reply_line(struct smtp_reply *out, struct span line, bool *last)
{
    struct reader r = reader_over(line);
    unsigned code = read_reply_code(&r);
    uint8_t separator = reader_left(&r) > 0 ? read_u8(&r) : ' '; /* 4.2: a bare code is tolerated */
    if (code == 0 || (out->count > 0 && code != out->code) || (separator != ' ' && separator != '-'))
        return false;
    if (out->count == SMTP_REPLY_LINES_MAX)
        return false;
    out->code = code;
    out->lines[out->count++] = read_rest(&r);
    *last = separator == ' ';
    return true;
}

enum smtp_parsed smtp_parse_reply(struct span in, struct smtp_reply *out, size_t *taken)
{
    size_t at = 0;
    *out = (struct smtp_reply){ 0 };
    *taken = 0;
    for (bool last = false; !last;) { /* at most SMTP_REPLY_LINES_MAX times: add_reply_line() refuses more */
        struct span line;
        size_t n;
        enum smtp_token token = smtp_split(span_from(in, at), &line, &n);
        if (token == SMTP_MORE)
            return SMTP_PARSE_MORE;
        if (token != SMTP_LINE || !add_reply_line(out, line, &last))
            return SMTP_PARSE_BAD;
        at += n;
    }
    *taken = at;
    return SMTP_PARSED;
}

/* One to three digits. */
static unsigned read_code_part(struct reader *r)
{
    unsigned v = 0;
    size_t digits = 0;
    for (; digits < 3 && reader_left(r) > 0 && peek(r) >= '0' && peek(r) <= '9'; digits++)
        v = v * 10 + (unsigned)(read_u8(r) - '0');
    if (digits == 0)
        reader_fail(r);
    return v;
}

bool smtp_parse_enhanced(struct span text, struct smtp_enhanced *out, struct span *rest)
{
    struct reader r = reader_over(text);
    out->class = read_code_part(&r);
    if (!take(&r, '.'))
        reader_fail(&r);
    out->subject = read_code_part(&r);
    if (!take(&r, '.'))
        reader_fail(&r);
    out->detail = read_code_part(&r);
    if (reader_left(&r) > 0 && !take(&r, ' '))
        reader_fail(&r);
    bool known = reader_ok(&r) && (out->class == 2 || out->class == 4 || out->class == 5);
    *rest = known ? read_rest(&r) : text;
    return known;
}
