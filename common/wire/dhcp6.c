#include "wire/dhcp6.h"

#define HEADER_BYTES   4
#define DUID_LLT       1
#define DUID_LL        3
#define DUID_UUID      4
#define HTYPE_ETHERNET 1

/* ---- tables ------------------------------------------------------------------------------ */

static const struct dhcp6_option_row rows[] = {
#define OPTION6(code, id, name, type, whose, reference, meaning) { code, name, DHCP6_TYPE_##type, reference },
#include "wire/dhcp6_options.def"
#undef OPTION6
};

const struct dhcp6_option_row *dhcp6_option_row(uint16_t code)
{
    size_t low = 0, high = sizeof rows / sizeof *rows;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        if (rows[middle].code == code)
            return &rows[middle];
        if (rows[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *dhcp6_type_text(uint8_t type)
{
    static const char *const texts[] = {
        [DHCP6_SOLICIT] = "Solicit",
        [DHCP6_ADVERTISE] = "Advertise",
        [DHCP6_REQUEST] = "Request",
        [DHCP6_CONFIRM] = "Confirm",
        [DHCP6_RENEW] = "Renew",
        [DHCP6_REBIND] = "Rebind",
        [DHCP6_REPLY] = "Reply",
        [DHCP6_RELEASE] = "Release",
        [DHCP6_DECLINE] = "Decline",
        [DHCP6_RECONFIGURE] = "Reconfigure",
        [DHCP6_INFORMATION_REQUEST] = "Information-request",
        [DHCP6_RELAY_FORWARD] = "Relay-forward",
        [DHCP6_RELAY_REPLY] = "Relay-reply",
        [DHCP6_LEASEQUERY] = "Leasequery",
        [DHCP6_LEASEQUERY_REPLY] = "Leasequery-reply",
        [DHCP6_ADDR_REG_INFORM] = "Addr-reg-inform",
        [DHCP6_ADDR_REG_REPLY] = "Addr-reg-reply",
    };
    return type < sizeof texts / sizeof *texts ? texts[type] : NULL;
}

const char *dhcp6_status_text(uint16_t status)
{
    static const char *const texts[] = {
        [DHCP6_SUCCESS] = "Success",
        [DHCP6_UNSPEC_FAIL] = "UnspecFail",
        [DHCP6_NO_ADDRS_AVAIL] = "NoAddrsAvail",
        [DHCP6_NO_BINDING] = "NoBinding",
        [DHCP6_NOT_ON_LINK] = "NotOnLink",
        [DHCP6_USE_MULTICAST] = "UseMulticast",
        [DHCP6_NO_PREFIX_AVAIL] = "NoPrefixAvail",
    };
    return status < sizeof texts / sizeof *texts ? texts[status] : "?";
}

const char *dhcp6_fault_text(enum dhcp6_fault f)
{
    static const char *const texts[] = {
        [DHCP6_FINE] = "nothing is wrong",
        [DHCP6_TOO_SHORT] = "too short for a header",
        [DHCP6_TOO_LONG] = "longer than 4096 bytes",
        [DHCP6_BAD_TYPE] = "unknown message type",
        [DHCP6_OPTION_CUT] = "option runs past the end of what holds it",
        [DHCP6_OPTION_LENGTH] = "option has a length that its type cannot have",
        [DHCP6_OPTION_TWICE] = "identifier comes twice",
        [DHCP6_TOO_MANY] = "more IAs or addresses than a client has",
        [DHCP6_TOO_DEEP] = "more relays than RFC 9915 allows",
        [DHCP6_NO_MESSAGE] = "relay passes no message on",
    };
    return texts[f];
}

/* ---- parsing ----------------------------------------------------------------------------- */

/* The next option's code and a window over its value; false at the end, or (and failed) when it is cut. */
static bool next_window(struct reader *r, uint16_t *code, struct reader *value)
{
    if (!reader_left(r))
        return false;
    *code = read_u16(r);
    uint16_t len = read_u16(r);
    *value = read_window(r, len);
    return reader_ok(r);
}

bool dhcp6_next_option(struct reader *r, uint16_t *code, struct span *value)
{
    struct reader window;
    if (!next_window(r, code, &window))
        return false;
    *value = read_rest(&window);
    return true;
}

struct span dhcp6_option(struct span options, uint16_t code)
{
    struct reader r = reader_over(options);
    uint16_t at;
    struct span value;
    while (dhcp6_next_option(&r, &at, &value)) /* each turn takes four bytes or more */
        if (at == code)
            return value;
    return (struct span){ NULL, 0 };
}

static enum dhcp6_fault fault_at(struct dhcp6_message *m, enum dhcp6_fault f, uint16_t option)
{
    m->fault_option = option;
    return f;
}

static enum dhcp6_fault read_duid(struct dhcp6_message *m, struct span *into, uint16_t code, struct reader *r)
{
    if (into->at)
        return fault_at(m, DHCP6_OPTION_TWICE, code);
    *into = read_rest(r);
    if (into->len < DHCP6_DUID_LEAST || into->len > DHCP6_DUID_MAX)
        return fault_at(m, DHCP6_OPTION_LENGTH, code);
    return DHCP6_FINE;
}

static enum dhcp6_fault read_status(struct dhcp6_message *m, struct reader *r, uint16_t *status,
                                    struct span *text)
{
    *status = read_u16(r);
    struct span rest = read_rest(r);
    if (text)
        *text = rest;
    return reader_ok(r) ? DHCP6_FINE : fault_at(m, DHCP6_OPTION_LENGTH, DHCP6_OPTION_STATUS_CODE);
}

static struct ip6 read_ip6(struct reader *r)
{
    uint64_t high = read_u64(r), low = read_u64(r);
    return (struct ip6){ high, low };
}

static void read_prefix(struct dhcp6_ia_address *a, struct reader *r)
{
    a->preferred_s = read_u32(r);
    a->valid_s = read_u32(r);
    a->bits = read_u8(r);
    a->address = ip6_first(read_ip6(r), a->bits); /* RFC 9915 21.22: bits behind the length do not count */
    if (a->bits >= DHCP6_ADDRESS_BITS)
        reader_fail(r);
}

static void read_address(struct dhcp6_ia_address *a, struct reader *r)
{
    a->bits = DHCP6_ADDRESS_BITS;
    a->address = read_ip6(r);
    a->preferred_s = read_u32(r);
    a->valid_s = read_u32(r);
}

/* IA Address, IA Prefix: what is fixed, then options, of which a status may be one. */
static enum dhcp6_fault read_ia_address(struct dhcp6_message *m, uint16_t kind, struct reader *r)
{
    if (m->address_count == DHCP6_IA_ADDRESSES_MAX)
        return fault_at(m, DHCP6_TOO_MANY, kind);
    struct dhcp6_ia_address *a = &m->addresses[m->address_count++];
    *a = (struct dhcp6_ia_address){ 0 };
    if (kind == DHCP6_OPTION_IA_PREFIX)
        read_prefix(a, r);
    else
        read_address(a, r);
    if (!reader_ok(r))
        return fault_at(m, DHCP6_OPTION_LENGTH, kind);
    uint16_t code;
    struct reader value;
    enum dhcp6_fault f = DHCP6_FINE;
    while (f == DHCP6_FINE && next_window(r, &code, &value)) /* each turn takes four bytes or more */
        if (code == DHCP6_OPTION_STATUS_CODE)
            f = read_status(m, &value, &a->status, NULL);
    return f || reader_ok(r) ? f : fault_at(m, DHCP6_OPTION_CUT, kind);
}

static enum dhcp6_fault read_ia(struct dhcp6_message *m, uint16_t kind, struct reader *r)
{
    if (m->ia_count == DHCP6_IAS_MAX)
        return fault_at(m, DHCP6_TOO_MANY, kind);
    struct dhcp6_ia *ia = &m->ias[m->ia_count++];
    *ia = (struct dhcp6_ia){ .code = kind, .first = m->address_count };
    ia->iaid = read_u32(r);
    ia->t1_s = read_u32(r);
    ia->t2_s = read_u32(r);
    if (!reader_ok(r))
        return fault_at(m, DHCP6_OPTION_LENGTH, kind);
    uint16_t code, inside = kind == DHCP6_OPTION_IA_PD ? DHCP6_OPTION_IA_PREFIX : DHCP6_OPTION_IA_ADDRESS;
    struct reader value;
    enum dhcp6_fault f = DHCP6_FINE;
    while (f == DHCP6_FINE && next_window(r, &code, &value)) { /* each turn takes four bytes or more */
        if (code == inside)
            f = read_ia_address(m, inside, &value);
        else if (code == DHCP6_OPTION_STATUS_CODE)
            f = read_status(m, &value, &ia->status, NULL);
    }
    ia->count = m->address_count - ia->first;
    return f || reader_ok(r) ? f : fault_at(m, DHCP6_OPTION_CUT, kind);
}

/* An option of fixed form that is none of the structures above. */
static enum dhcp6_fault read_simple(struct dhcp6_message *m, uint16_t code, struct reader *r)
{
    switch (code) {
    case DHCP6_OPTION_OPTION_REQUEST:
        if (reader_left(r) % 2)
            break;
        m->option_request = read_rest(r);
        return DHCP6_FINE;
    case DHCP6_OPTION_PREFERENCE:
        m->preference = read_u8(r);
        break;
    case DHCP6_OPTION_ELAPSED_TIME:
        m->elapsed_10ms = read_u16(r);
        break;
    case DHCP6_OPTION_RAPID_COMMIT:
        m->rapid_commit = true;
        break;
    case DHCP6_OPTION_IA_TA:
        m->has_ia_ta = true;
        return DHCP6_FINE;
    default:
        return DHCP6_FINE;
    }
    return reader_done(r) ? DHCP6_FINE : fault_at(m, DHCP6_OPTION_LENGTH, code);
}

static bool is_registration(uint8_t type)
{
    return type == DHCP6_ADDR_REG_INFORM || type == DHCP6_ADDR_REG_REPLY;
}

static enum dhcp6_fault read_option(struct dhcp6_message *m, uint16_t code, struct reader *value)
{
    switch (code) {
    case DHCP6_OPTION_CLIENT_ID:
        return read_duid(m, &m->client_id, code, value);
    case DHCP6_OPTION_SERVER_ID:
        return read_duid(m, &m->server_id, code, value);
    case DHCP6_OPTION_IA_NA:
    case DHCP6_OPTION_IA_PD:
        return read_ia(m, code, value);
    case DHCP6_OPTION_STATUS_CODE:
        return read_status(m, value, &m->status, &m->status_text);
    case DHCP6_OPTION_IA_ADDRESS:
        return is_registration(m->type) ? read_ia_address(m, code, value) : DHCP6_FINE;
    default:
        return read_simple(m, code, value);
    }
}

enum dhcp6_fault dhcp6_parse(struct dhcp6_message *m, struct span bytes)
{
    struct reader r = reader_over(bytes), value;
    *m = (struct dhcp6_message){ 0 };
    if (bytes.len > DHCP6_BYTES_MAX)
        return DHCP6_TOO_LONG;
    uint32_t head = read_u32(&r);
    if (!reader_ok(&r))
        return DHCP6_TOO_SHORT;
    m->type = (uint8_t)(head >> 24);
    m->xid = head & 0xffffff;
    m->options = span_from(bytes, HEADER_BYTES);
    bool query = m->type == DHCP6_LEASEQUERY || m->type == DHCP6_LEASEQUERY_REPLY;
    if ((m->type < DHCP6_SOLICIT || m->type > DHCP6_INFORMATION_REQUEST) && !is_registration(m->type) &&
        !query)
        return DHCP6_BAD_TYPE;
    uint16_t code = 0;
    enum dhcp6_fault f = DHCP6_FINE;
    while (f == DHCP6_FINE && next_window(&r, &code, &value)) /* each turn takes four bytes or more */
        f = read_option(m, code, &value);
    return f || reader_ok(&r) ? f : fault_at(m, DHCP6_OPTION_CUT, code);
}

bool dhcp6_asks_for(const struct dhcp6_message *m, uint16_t code)
{
    if (!m->option_request.at)
        return true;
    struct reader r = reader_over(m->option_request);
    while (reader_left(&r)) /* each turn takes two bytes */
        if (read_u16(&r) == code)
            return true;
    return false;
}

/* ---- relays ------------------------------------------------------------------------------ */

/* One header and its options; *inner is what it passes on. */
static enum dhcp6_fault read_relay(struct dhcp6_relays *all, struct span bytes, struct span *inner)
{
    struct reader r = reader_over(bytes);
    struct dhcp6_relay *one = &all->relay[all->count];
    *one = (struct dhcp6_relay){ 0 };
    read_u8(&r);
    one->hop_count = read_u8(&r);
    one->link.high = read_u64(&r);
    one->link.low = read_u64(&r);
    one->peer.high = read_u64(&r);
    one->peer.low = read_u64(&r);
    if (!reader_ok(&r))
        return DHCP6_TOO_SHORT;
    *inner = (struct span){ NULL, 0 };
    uint16_t code = 0;
    struct span value;
    while (dhcp6_next_option(&r, &code, &value)) { /* each turn takes four bytes or more */
        if (code == DHCP6_OPTION_RELAY_MESSAGE)
            *inner = value;
        else if (code == DHCP6_OPTION_INTERFACE_ID)
            one->interface_id = value;
        else if (code == DHCP6_OPTION_REMOTE_ID)
            one->remote_id = value;
        else if (code == DHCP6_OPTION_SUBSCRIBER_ID)
            one->subscriber_id = value;
        else if (code == DHCP6_OPTION_CLIENT_LINK_LAYER_ADDRESS)
            one->hardware = span_from(value, 2);
        else if (code == DHCP6_OPTION_RELAY_PORT)
            one->port = value;
    }
    all->fault_option = code;
    if (!reader_ok(&r))
        return DHCP6_OPTION_CUT;
    all->count++;
    return inner->at ? DHCP6_FINE : DHCP6_NO_MESSAGE;
}

static enum dhcp6_fault unwrap(struct dhcp6_relays *r, uint8_t type, struct span bytes, struct span *inner)
{
    r->count = 0;
    r->fault_option = 0;
    if (bytes.len > DHCP6_BYTES_MAX)
        return DHCP6_TOO_LONG;
    enum dhcp6_fault f = DHCP6_FINE;
    *inner = bytes;
    while (f == DHCP6_FINE && inner->len && inner->at[0] == type) /* each turn counts a relay */
        f = r->count == DHCP6_RELAYS_MAX ? DHCP6_TOO_DEEP : read_relay(r, *inner, inner);
    return f;
}

enum dhcp6_fault dhcp6_unwrap(struct dhcp6_relays *r, struct span bytes, struct span *inner)
{
    return unwrap(r, DHCP6_RELAY_FORWARD, bytes, inner);
}

enum dhcp6_fault dhcp6_unwrap_reply(struct dhcp6_relays *r, struct span bytes, struct span *inner)
{
    return unwrap(r, DHCP6_RELAY_REPLY, bytes, inner);
}

/* ---- building ---------------------------------------------------------------------------- */

void dhcp6_write_header(struct writer *w, uint8_t type, uint32_t xid)
{
    write_u32(w, (uint32_t)type << 24 | (xid & 0xffffff));
}

struct mark dhcp6_option_open(struct writer *w, uint16_t code)
{
    write_u16(w, code);
    return write_length16(w);
}

void dhcp6_option_close(struct writer *w, struct mark m)
{
    close_length16(w, m);
}

void dhcp6_write_option(struct writer *w, uint16_t code, struct span value)
{
    struct mark m = dhcp6_option_open(w, code);
    write_span(w, value);
    dhcp6_option_close(w, m);
}

void dhcp6_write_u8(struct writer *w, uint16_t code, uint8_t v)
{
    struct mark m = dhcp6_option_open(w, code);
    write_u8(w, v);
    dhcp6_option_close(w, m);
}

void dhcp6_write_u16(struct writer *w, uint16_t code, uint16_t v)
{
    struct mark m = dhcp6_option_open(w, code);
    write_u16(w, v);
    dhcp6_option_close(w, m);
}

struct mark dhcp6_ia_open(struct writer *w, uint16_t code, uint32_t iaid, uint32_t t1_s, uint32_t t2_s)
{
    struct mark m = dhcp6_option_open(w, code);
    write_u32(w, iaid);
    write_u32(w, t1_s);
    write_u32(w, t2_s);
    return m;
}

static void write_ip6(struct writer *w, struct ip6 a)
{
    write_u64(w, a.high);
    write_u64(w, a.low);
}

void dhcp6_write_address(struct writer *w, struct ip6 address, uint32_t preferred_s, uint32_t valid_s)
{
    struct mark m = dhcp6_option_open(w, DHCP6_OPTION_IA_ADDRESS);
    write_ip6(w, address);
    write_u32(w, preferred_s);
    write_u32(w, valid_s);
    dhcp6_option_close(w, m);
}

void dhcp6_write_prefix(struct writer *w, struct ip6 prefix, uint8_t bits, uint32_t preferred_s,
                        uint32_t valid_s)
{
    struct mark m = dhcp6_option_open(w, DHCP6_OPTION_IA_PREFIX);
    write_u32(w, preferred_s);
    write_u32(w, valid_s);
    write_u8(w, bits);
    write_ip6(w, prefix);
    dhcp6_option_close(w, m);
}

void dhcp6_write_status(struct writer *w, enum dhcp6_status status, const char *text)
{
    struct mark m = dhcp6_option_open(w, DHCP6_OPTION_STATUS_CODE);
    write_u16(w, (uint16_t)status);
    write_text(w, text);
    dhcp6_option_close(w, m);
}

void dhcp6_wrap_open(struct dhcp6_wrap *b, struct writer *w, uint8_t type, const struct dhcp6_relays *r)
{
    b->count = r->count;
    for (size_t i = 0; i < r->count; i++) {
        const struct dhcp6_relay *one = &r->relay[i];
        write_u8(w, type);
        write_u8(w, one->hop_count);
        write_ip6(w, one->link);
        write_ip6(w, one->peer);
        if (one->interface_id.at)
            dhcp6_write_option(w, DHCP6_OPTION_INTERFACE_ID, one->interface_id);
        if (one->port.at)
            dhcp6_write_option(w, DHCP6_OPTION_RELAY_PORT, one->port);
        b->open[i] = dhcp6_option_open(w, DHCP6_OPTION_RELAY_MESSAGE);
    }
}

void dhcp6_wrap_close(struct dhcp6_wrap *b, struct writer *w)
{
    for (size_t i = b->count; i--;)
        dhcp6_option_close(w, b->open[i]);
}

/* ---- DUIDs ------------------------------------------------------------------------------- */

void dhcp6_write_duid_llt(struct writer *w, struct span hardware, int64_t unix_s)
{
    write_u16(w, DUID_LLT);
    write_u16(w, HTYPE_ETHERNET);
    write_u32(w, (uint32_t)(unix_s - DHCP6_DUID_LLT_EPOCH_S));
    write_span(w, hardware);
}

void dhcp6_write_duid_uuid(struct writer *w, const uint8_t random[16])
{
    write_u16(w, DUID_UUID);
    write_bytes(w, random, 16);
}

struct span dhcp6_duid_hardware(struct span duid)
{
    if (!duid.at)
        return duid;
    struct reader r = reader_over(duid);
    uint16_t type = read_u16(&r);
    read_u16(&r);
    if (type == DUID_LLT)
        read_u32(&r);
    else if (type != DUID_LL)
        reader_fail(&r);
    return read_rest(&r);
}
