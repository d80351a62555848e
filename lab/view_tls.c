#include "view_make.h"

#define RECORD_HEADER  5
#define RECORD_MOST    (16384 + 2048) /* RFC 5246 6.2.3 */
#define EXTENSIONS_MAX 64             /* looked at in one hello */
#define NAME_MAX_BYTES 255

enum record { RECORD_CHANGE = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum extension { EXTENSION_NAME = 0, EXTENSION_ALPN = 16, EXTENSION_VERSIONS = 43 };

static const char *version_word(uint16_t version)
{
    switch (version) {
    case 0x0300:
        return "SSL 3.0";
    case 0x0301:
        return "TLS 1.0";
    case 0x0302:
        return "TLS 1.1";
    case 0x0303:
        return "TLS 1.2";
    case 0x0304:
        return "TLS 1.3";
    default:
        return "another version";
    }
}

static const char *handshake_word(uint8_t type)
{
    static const char *const words[] = {
        [0] = "HelloRequest",       [1] = "ClientHello",         [2] = "ServerHello",
        [4] = "NewSessionTicket",   [8] = "EncryptedExtensions", [11] = "Certificate",
        [12] = "ServerKeyExchange", [13] = "CertificateRequest", [14] = "ServerHelloDone",
        [15] = "CertificateVerify", [16] = "ClientKeyExchange",  [20] = "Finished",
        [22] = "CertificateStatus", [24] = "KeyUpdate"
    };
    return type < sizeof words / sizeof words[0] && words[type] ? words[type] : "handshake";
}

static const char *alert_word(uint8_t code)
{
    switch (code) {
    case 0:
        return "close_notify";
    case 10:
        return "unexpected_message";
    case 20:
        return "bad_record_mac";
    case 40:
        return "handshake_failure";
    case 42:
        return "bad_certificate";
    case 45:
        return "certificate_expired";
    case 46:
        return "certificate_unknown";
    case 48:
        return "unknown_ca";
    case 70:
        return "protocol_version";
    case 112:
        return "unrecognized_name";
    case 120:
        return "no_application_protocol";
    default:
        return "another alert";
    }
}

/* ---- hellos
 * ------------------------------------------------------------------------------------------------ */

/* The highest version: a server names one, a client lists what it can. */
static uint16_t highest_version(struct reader *r, bool client)
{
    uint16_t best = 0;
    if (client)
        read_skip(r, 1);
    while (reader_left(r) >= 2) { /* each turn takes two bytes */
        uint16_t v = read_u16(r);
        if (v >> 8 == 3 && v > best)
            best = v;
    }
    return best;
}

static void take_extension(struct view_make *m, uint16_t kind, struct reader *r, bool client,
                           uint16_t *version)
{
    if (kind == EXTENSION_NAME && client) {
        read_skip(r, 2 + 1);
        size_t length = read_u16(r);
        struct span name = read_span(r, length);
        if (reader_ok(r) && name.len <= NAME_MAX_BYTES)
            view_add(m, "sni", name);
    } else if (kind == EXTENSION_ALPN) {
        read_skip(r, 2);
        size_t length = read_u8(r);
        struct span name = read_span(r, length);
        if (reader_ok(r))
            view_add(m, "alpn", name);
    } else if (kind == EXTENSION_VERSIONS) {
        uint16_t v = highest_version(r, client);
        *version = v ? v : *version;
    }
}

static void read_hello(struct view_make *m, struct reader *r, bool client)
{
    uint16_t version = read_u16(r);
    read_skip(r, 32);
    size_t session_bytes = read_u8(r);
    read_skip(r, session_bytes);
    if (client) {
        size_t suites = read_u16(r);
        read_skip(r, suites);
        size_t methods = read_u8(r);
        read_skip(r, methods);
    } else {
        view_add(m, "cipher", view_format(m, "0x%04x", read_u16(r)));
        read_skip(r, 1);
    }
    size_t length = reader_left(r) >= 2 ? read_u16(r) : 0;
    struct reader extensions = read_window(r, length);
    for (int i = 0; i < EXTENSIONS_MAX && reader_left(&extensions); i++) {
        uint16_t kind = read_u16(&extensions);
        size_t bytes = read_u16(&extensions);
        struct reader value = read_window(&extensions, bytes);
        if (reader_ok(&value))
            take_extension(m, kind, &value, client, &version);
    }
    view_add_text(m, "version", version_word(version));
    view_show_field(m, "sni");
    view_show(m, view_added(m, "version"));
    view_show_field(m, "alpn");
    if (!reader_ok(r) || !reader_ok(&extensions))
        view_show_format(m, "malformed");
}

/* ---- records
 * ------------------------------------------------------------------------------------------------- */

/* One handshake message of a record; how many of the record's bytes it takes. A message that goes on in the
 * next record is told with the first: f->left counts what follows. */
static size_t make_handshake(struct view_make *m, struct view_flow *f, struct span record)
{
    struct reader r = reader_over(record);
    uint8_t type = read_u8(&r);
    size_t length = (size_t)read_u8(&r) << 16;
    length |= read_u16(&r);
    if (f->encrypted || !reader_ok(&r)) {
        view_word(m, VIEW_TLS, "encrypted-handshake");
        view_add_number(m, "bytes", record.len);
        return record.len;
    }
    struct reader body = read_window(&r, length < reader_left(&r) ? length : reader_left(&r));
    size_t there = reader_left(&body);
    view_word(m, VIEW_TLS, handshake_word(type));
    view_add_number(m, "bytes", length);
    if (type == 1 || type == 2)
        read_hello(m, &body, type == 1);
    view_say(m, "%s: TLS agrees on keys", handshake_word(type));
    f->left = length - there;
    return 4 + there;
}

static void make_alert(struct view_make *m, const struct view_flow *f, struct span record)
{
    view_word(m, VIEW_TLS, "alert");
    if (f->encrypted || record.len != 2) {
        view_show_format(m, "encrypted");
        return;
    }
    view_add_text(m, "alert", alert_word(record.at[1]));
    view_show(m, view_added(m, "alert"));
}

static void make_data(struct view_make *m, size_t bytes)
{
    view_word(m, VIEW_TLS, "application-data");
    view_add_number(m, "bytes", bytes);
    view_show_format(m, "%zu bytes", bytes);
    view_say(m, "application-data: %zu bytes that only the two ends can read", bytes);
}

/* What is left of a handshake message that was told already; true when the record has no more. */
static bool skip_told(struct view_flow *f, struct span *record)
{
    size_t n = f->left < record->len ? (size_t)f->left : record->len;
    f->left -= n;
    *record = span_from(*record, n);
    return record->len == 0;
}

/* f->held counts the bytes of the present record that were told. */
static size_t make_record(struct view_make *m, struct view_flow *f, uint8_t type, struct span record)
{
    switch (type) {
    case RECORD_CHANGE:
        view_word(m, VIEW_TLS, "ChangeCipherSpec");
        view_say(m, "ChangeCipherSpec: what follows is encrypted");
        f->encrypted = true;
        break;
    case RECORD_ALERT:
        make_alert(m, f, record);
        break;
    case RECORD_DATA:
        make_data(m, record.len);
        break;
    default:
        return make_handshake(m, f, record);
    }
    return record.len;
}

/* True: made. False: *taken bytes were stepped over, or the record is not whole. */
static bool take_record(struct view_make *m, struct view_connection *c, enum view_side side, bool *stepped)
{
    struct view_flow *f = &c->flows[side];
    struct reader r = reader_over(view_stream_span(&f->stream));
    uint8_t type = read_u8(&r);
    uint16_t version = read_u16(&r);
    size_t length = read_u16(&r);
    *stepped = false;
    if (reader_ok(&r) &&
        (type < RECORD_CHANGE || type > RECORD_DATA || version >> 8 != 3 || length > RECORD_MOST)) {
        f->state = VIEW_STATE_LOST;
        return false;
    }
    struct span record = read_span(&r, length);
    if (!reader_ok(&r))
        return false;
    struct span rest = span_from(record, f->held);
    bool told = type == RECORD_HANDSHAKE && f->left && skip_told(f, &rest);
    size_t used = told ? rest.len : make_record(m, f, type, rest);
    f->held = record.len - rest.len + used;
    *stepped = told;
    if (f->held >= record.len) {
        view_stream_take(&f->stream, 0, RECORD_HEADER + record.len);
        f->held = 0;
    }
    return !told;
}

bool view_tls_next(struct view_make *m, struct view_connection *c, enum view_side side)
{
    bool stepped, made;
    do /* each turn takes a record, or is the last */
        made = take_record(m, c, side, &stepped);
    while (!made && stepped);
    return made;
}
