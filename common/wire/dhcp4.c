#include "dhcp4.h"

#define COOKIE        0x63825363u
#define BUILD_RESERVE 4 /* option 52 with its value, and End */

static const struct dhcp4_option_row rows[256] = {
#define OPTION4(number, id, text, kind, whose, rfc, meaning)                                                 \
    [number] = { .code = number, .name = text, .type = DHCP4_TYPE_##kind, .reference = rfc },
#include "dhcp_options.def"
#undef OPTION4
};

const struct dhcp4_option_row *dhcp4_option_row(uint8_t code)
{
    return rows[code].name ? &rows[code] : NULL;
}

/* ---- parsing -------------------------------------------------------------------------- */

static void mark_present(struct dhcp4_message *m, uint8_t code)
{
    m->present[code >> 6] |= UINT64_C(1) << (code & 63);
}

/* What is being parsed: the three fields that may hold options, in the order of RFC 3396 5. */
struct fields {
    struct reader options, file, sname;
    bool in_file, in_sname;
    uint64_t repeated[4]; /* codes that came more than once; their value[].len is the sum of the pieces */
    bool any_repeated;
};

static bool is_repeated(const struct fields *f, uint8_t code)
{
    return f->repeated[code >> 6] >> (code & 63) & 1;
}

/* The next option of a field; false at End or at the end of the field. RFC 2132 2: Pad and End alone have no
 * length. A cut option leaves the reader failed and its code in *code. */
static bool next_option(struct reader *field, uint8_t *code, struct span *value)
{
    do { /* each turn takes a byte */
        if (!reader_left(field))
            return false;
        *code = read_u8(field);
    } while (*code == DHCP4_PAD);
    if (*code == DHCP4_END)
        return false;
    *value = read_span(field, read_u8(field));
    return reader_ok(field);
}

static enum dhcp4_fault collect(struct dhcp4_message *m, struct fields *f, struct reader field)
{
    uint8_t code = 0;
    struct span value;
    while (next_option(&field, &code, &value)) { /* each turn takes two bytes or more */
        if (!dhcp4_has(m, code)) {
            mark_present(m, code);
            m->value[code] = value;
            m->order[m->count++] = code;
        } else {
            f->repeated[code >> 6] |= UINT64_C(1) << (code & 63);
            f->any_repeated = true;
            m->value[code].len += value.len;
        }
    }
    if (reader_ok(&field))
        return DHCP4_FINE;
    m->fault_option = code;
    return DHCP4_OPTION_CUT;
}

static void join_field(struct fields *f, struct writer *rooms, struct reader field)
{
    uint8_t code;
    struct span value;
    while (next_option(&field, &code, &value)) /* as in collect(), which found the field well-formed */
        if (is_repeated(f, code))
            write_span(&rooms[code], value);
}

/* RFC 3396 5: the pieces of an option, in the order options, file, sname, are one value. All pieces together
 * are shorter than the message, so they fit. */
static void join(struct dhcp4_message *m, struct fields *f)
{
    struct writer room = writer_over(m->joined, sizeof m->joined);
    struct writer rooms[256];
    for (size_t i = 0; i < m->count; i++) {
        uint8_t code = m->order[i];
        if (is_repeated(f, code))
            rooms[code] = writer_over(writer_take(&room, m->value[code].len), m->value[code].len);
    }
    join_field(f, rooms, f->options);
    if (f->in_file)
        join_field(f, rooms, f->file);
    if (f->in_sname)
        join_field(f, rooms, f->sname);
    for (size_t i = 0; i < m->count; i++)
        if (is_repeated(f, m->order[i]))
            m->value[m->order[i]] = writer_span(&rooms[m->order[i]]);
}

static bool length_fits(enum dhcp4_option_type type, size_t len)
{
    switch (type) {
    case DHCP4_TYPE_U8:
    case DHCP4_TYPE_FLAG:
        return len == 1;
    case DHCP4_TYPE_U16:
        return len == 2;
    case DHCP4_TYPE_IP4:
    case DHCP4_TYPE_U32:
    case DHCP4_TYPE_S32:
        return len == 4;
    case DHCP4_TYPE_ADDRESSES:
        return len % 4 == 0;
    case DHCP4_TYPE_ADDRESS_PAIRS:
        return len % 8 == 0;
    case DHCP4_TYPE_U16S:
        return len % 2 == 0;
    case DHCP4_TYPE_EMPTY:
        return len == 0;
    case DHCP4_TYPE_TEXT:
    case DHCP4_TYPE_BYTES:
    case DHCP4_TYPE_CODES:
    case DHCP4_TYPE_DOMAINS:
    case DHCP4_TYPE_ROUTES:
    case DHCP4_TYPE_SIP:
    case DHCP4_TYPE_VENDORS:
        break;
    }
    return true;
}

static enum dhcp4_fault check_options(struct dhcp4_message *m)
{
    for (size_t i = 0; i < m->count; i++) {
        uint8_t code = m->order[i];
        if (rows[code].name && !length_fits(rows[code].type, m->value[code].len)) {
            m->fault_option = code;
            return DHCP4_OPTION_LENGTH;
        }
    }
    uint32_t type = 0;
    m->fault_option = DHCP4_OPTION_MESSAGE_TYPE;
    if (!dhcp4_number(m, DHCP4_OPTION_MESSAGE_TYPE, &type) || type < DHCP4_DISCOVER ||
        type > DHCP4_LEASEACTIVE)
        return DHCP4_NO_TYPE;
    m->type = (uint8_t)type;
    return DHCP4_FINE;
}

static enum dhcp4_fault parse_options(struct dhcp4_message *m, struct fields *f)
{
    enum dhcp4_fault fault = collect(m, f, f->options);
    if (fault)
        return fault;
    if (dhcp4_has(m, DHCP4_OPTION_OVERLOAD)) {
        uint32_t overload = 0;
        if (!dhcp4_number(m, DHCP4_OPTION_OVERLOAD, &overload) || overload < 1 || overload > 3) {
            m->fault_option = DHCP4_OPTION_OVERLOAD;
            return DHCP4_BAD_OVERLOAD;
        }
        f->in_file = overload & 1;
        f->in_sname = overload & 2;
    }
    if (f->in_file && (fault = collect(m, f, f->file)))
        return fault;
    if (f->in_sname && (fault = collect(m, f, f->sname)))
        return fault;
    if (f->any_repeated)
        join(m, f);
    return check_options(m);
}

static enum dhcp4_fault parse_fixed(struct dhcp4_message *m, struct reader *r, struct fields *f)
{
    struct dhcp4_fixed *x = &m->fixed;
    x->op = read_u8(r);
    x->htype = read_u8(r);
    x->hlen = read_u8(r);
    x->hops = read_u8(r);
    x->xid = read_u32(r);
    x->secs = read_u16(r);
    x->flags = read_u16(r);
    x->ciaddr = read_u32(r);
    x->yiaddr = read_u32(r);
    x->siaddr = read_u32(r);
    x->giaddr = read_u32(r);
    read_bytes(r, x->chaddr, sizeof x->chaddr);
    f->sname = read_window(r, DHCP4_SNAME_MAX);
    f->file = read_window(r, DHCP4_FILE_MAX);
    if (!reader_ok(r))
        return DHCP4_TOO_SHORT;
    if (x->op != DHCP4_BOOTREQUEST && x->op != DHCP4_BOOTREPLY)
        return DHCP4_BAD_OP;
    if (x->hlen > DHCP4_CHADDR_MAX)
        return DHCP4_BAD_HLEN;
    if (read_u32(r) != COOKIE)
        return DHCP4_NO_COOKIE;
    f->options = *r;
    return DHCP4_FINE;
}

static struct span text_in(struct reader field)
{
    struct span all = read_rest(&field);
    return span_head(all, span_find(all, 0));
}

enum dhcp4_fault dhcp4_parse(struct dhcp4_message *m, struct span bytes)
{
    m->type = m->fault_option = 0;
    m->count = 0;
    memset(m->present, 0, sizeof m->present);
    m->sname = m->file = (struct span){ NULL, 0 };
    if (bytes.len > DHCP4_BYTES_MAX)
        return DHCP4_TOO_LONG;
    struct fields f = { 0 };
    struct reader r = reader_over(bytes);
    enum dhcp4_fault fault = parse_fixed(m, &r, &f);
    if (!fault)
        fault = parse_options(m, &f);
    if (!fault && !f.in_sname)
        m->sname = text_in(f.sname);
    if (!fault && !f.in_file)
        m->file = text_in(f.file);
    return fault;
}

bool dhcp4_is_bootp(const struct dhcp4_message *m, enum dhcp4_fault f)
{
    return f == DHCP4_NO_TYPE && !dhcp4_has(m, DHCP4_OPTION_MESSAGE_TYPE) && m->fixed.op == DHCP4_BOOTREQUEST;
}

const char *dhcp4_fault_text(enum dhcp4_fault f)
{
    switch (f) {
    case DHCP4_FINE:
        return "nothing is wrong";
    case DHCP4_TOO_SHORT:
        return "shorter than the fixed part of a message";
    case DHCP4_TOO_LONG:
        return "longer than any message that is accepted";
    case DHCP4_BAD_OP:
        return "op is neither BOOTREQUEST nor BOOTREPLY";
    case DHCP4_BAD_HLEN:
        return "hlen is over 16";
    case DHCP4_NO_COOKIE:
        return "no DHCP magic cookie";
    case DHCP4_OPTION_CUT:
        return "an option runs past the end of its field";
    case DHCP4_OPTION_LENGTH:
        return "an option's length does not fit its type";
    case DHCP4_BAD_OVERLOAD:
        return "option overload is not 1, 2 or 3";
    case DHCP4_NO_TYPE:
        return "no message type, or an unknown one";
    }
    return "?";
}

bool dhcp4_number(const struct dhcp4_message *m, uint8_t code, uint32_t *out)
{
    struct span s = dhcp4_option(m, code);
    if (!s.len)
        return false;
    struct reader r = reader_over(s);
    if (s.len == 1)
        *out = read_u8(&r);
    else if (s.len == 2)
        *out = read_u16(&r);
    else if (s.len == 4)
        *out = read_u32(&r);
    else
        return false;
    return true;
}

struct span dhcp4_suboption(struct span relay_agent, uint8_t code)
{
    struct reader r = reader_over(relay_agent);
    while (reader_left(&r)) { /* each turn takes two bytes or more */
        uint8_t sub = read_u8(&r);
        struct span value = read_span(&r, read_u8(&r));
        if (reader_ok(&r) && sub == code)
            return value;
    }
    return (struct span){ NULL, 0 };
}

struct span dhcp4_relay_suboption(const struct dhcp4_message *m, uint8_t code)
{
    return dhcp4_suboption(dhcp4_option(m, DHCP4_OPTION_RELAY_AGENT), code);
}

/* ---- building ------------------------------------------------------------------------- */

static uint8_t *write_padded(struct writer *w, struct span text, size_t size)
{
    uint8_t *field = writer_take(w, size);
    if (field) {
        struct writer inner = writer_over(field, size);
        write_span(&inner, span_head(text, size));
        write_zeros(&inner, size - writer_length(&inner));
    }
    return field;
}

/* Where a field has no text of its own, options may use it; its End is kept back. */
static struct writer option_room(uint8_t *field, struct span text, size_t size)
{
    static uint8_t none[1];
    struct writer w = field && !text.len ? writer_over(field, size) : writer_over(none, sizeof none);
    writer_reserve(&w, 1);
    return w;
}

void dhcp4_build_open(struct dhcp4_build *b, struct writer *out, const struct dhcp4_fixed *fixed,
                      struct span sname, struct span file, size_t max_bytes)
{
    b->out = out;
    b->left_out = 0;
    if (writer_room(out) > max_bytes)
        writer_reserve(out, writer_room(out) - max_bytes);
    write_u8(out, fixed->op);
    write_u8(out, fixed->htype);
    write_u8(out, fixed->hlen);
    write_u8(out, fixed->hops);
    write_u32(out, fixed->xid);
    write_u16(out, fixed->secs);
    write_u16(out, fixed->flags);
    write_u32(out, fixed->ciaddr);
    write_u32(out, fixed->yiaddr);
    write_u32(out, fixed->siaddr);
    write_u32(out, fixed->giaddr);
    write_bytes(out, fixed->chaddr, sizeof fixed->chaddr);
    b->sname = option_room(write_padded(out, sname, DHCP4_SNAME_MAX), sname, DHCP4_SNAME_MAX);
    b->file = option_room(write_padded(out, file, DHCP4_FILE_MAX), file, DHCP4_FILE_MAX);
    write_u32(out, COOKIE);
    if (!writer_reserve(out, BUILD_RESERVE))
        writer_fail(out);
}

static bool put_option(struct writer *w, uint8_t code, struct span value)
{
    struct mark before = writer_mark(w);
    do { /* each turn takes 255 bytes or the rest */
        struct span piece = span_head(value, UINT8_MAX);
        write_u8(w, code);
        write_u8(w, (uint8_t)piece.len);
        write_span(w, piece);
        value = span_from(value, piece.len);
    } while (value.len);
    if (writer_ok(w))
        return true;
    writer_back_to(w, before);
    return false;
}

bool dhcp4_build_option(struct dhcp4_build *b, uint8_t code, struct span value)
{
    if (!writer_ok(b->out))
        return false;
    if (put_option(b->out, code, value) || put_option(&b->file, code, value) ||
        put_option(&b->sname, code, value))
        return true;
    b->left_out++;
    return false;
}

bool dhcp4_build_u8(struct dhcp4_build *b, uint8_t code, uint8_t v)
{
    return dhcp4_build_option(b, code, span_of(&v, 1));
}

bool dhcp4_build_u16(struct dhcp4_build *b, uint8_t code, uint16_t v)
{
    uint8_t bytes[2];
    struct writer w = writer_over(bytes, sizeof bytes);
    write_u16(&w, v);
    return dhcp4_build_option(b, code, writer_span(&w));
}

bool dhcp4_build_u32(struct dhcp4_build *b, uint8_t code, uint32_t v)
{
    uint8_t bytes[4];
    struct writer w = writer_over(bytes, sizeof bytes);
    write_u32(&w, v);
    return dhcp4_build_option(b, code, writer_span(&w));
}

bool dhcp4_build_reserve(struct dhcp4_build *b, size_t n)
{
    return writer_reserve(b->out, n + 2);
}

void dhcp4_build_release(struct dhcp4_build *b, size_t n)
{
    writer_release(b->out, n + 2);
}

/* Ends a field that holds options. */
static bool close_field(struct writer *field)
{
    if (!writer_length(field))
        return false;
    writer_release(field, 1);
    write_u8(field, DHCP4_END);
    return true;
}

bool dhcp4_build_close(struct dhcp4_build *b)
{
    struct writer *out = b->out;
    if (!writer_ok(out))
        return false;
    writer_release(out, BUILD_RESERVE);
    bool in_file = close_field(&b->file);
    bool in_sname = close_field(&b->sname);
    if (in_file || in_sname)
        dhcp4_build_u8(b, DHCP4_OPTION_OVERLOAD, (uint8_t)((in_file ? 1 : 0) | (in_sname ? 2 : 0)));
    write_u8(out, DHCP4_END);
    if (writer_length(out) < DHCP4_BYTES_LEAST)
        write_zeros(out, DHCP4_BYTES_LEAST - writer_length(out));
    return writer_ok(out);
}
