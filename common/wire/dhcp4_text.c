#include "dhcp4.h"

const char *dhcp4_type_name(uint8_t type)
{
    static const char *const names[] = {
        "?",       "DISCOVER", "OFFER",      "REQUEST",    "DECLINE",         "ACK",          "NAK",
        "RELEASE", "INFORM",   "FORCERENEW", "LEASEQUERY", "LEASEUNASSIGNED", "LEASEUNKNOWN", "LEASEACTIVE"
    };
    return type < sizeof names / sizeof *names ? names[type] : "?";
}

static void write_ip4(struct writer *w, uint32_t a)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        write_decimal(w, a >> shift & 0xff);
        if (shift)
            write_u8(w, '.');
    }
}

static void write_hex_byte(struct writer *w, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    write_u8(w, (uint8_t)digits[c >> 4]);
    write_u8(w, (uint8_t)digits[c & 15]);
}

static void write_hex(struct writer *w, struct reader r)
{
    while (reader_left(&r)) /* each turn takes a byte */
        write_hex_byte(w, read_u8(&r));
}

static void write_printable(struct writer *w, struct reader r)
{
    while (reader_left(&r)) { /* each turn takes a byte */
        uint8_t c = read_u8(&r);
        if (c >= ' ' && c < 0x7f && c != '\\') {
            write_u8(w, c);
        } else {
            write_text(w, "\\x");
            write_hex_byte(w, c);
        }
    }
}

/* RFC 3442: width, the significant octets of the destination, the router. */
static void write_route(struct writer *w, struct reader *r)
{
    uint8_t bits = read_u8(r);
    if (bits > 32) {
        reader_fail(r);
        return;
    }
    uint8_t octets[4] = { 0 };
    read_bytes(r, octets, (size_t)(bits + 7) / 8);
    uint32_t router = read_u32(r);
    write_ip4(w,
              (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3]);
    write_u8(w, '/');
    write_decimal(w, bits);
    write_u8(w, ' ');
    write_ip4(w, router);
}

static void write_signed(struct writer *w, uint32_t v)
{
    bool negative = v >> 31;
    if (negative)
        write_u8(w, '-');
    write_decimal(w, negative ? (uint64_t)UINT32_MAX - v + 1 : v);
}

/* One item of a list, or the only one. */
static void write_item(struct writer *w, enum dhcp4_option_type type, struct reader *r)
{
    switch (type) {
    case DHCP4_TYPE_IP4:
    case DHCP4_TYPE_ADDRESSES:
        write_ip4(w, read_u32(r));
        break;
    case DHCP4_TYPE_ADDRESS_PAIRS:
        write_ip4(w, read_u32(r));
        write_u8(w, ' ');
        write_ip4(w, read_u32(r));
        break;
    case DHCP4_TYPE_U8:
    case DHCP4_TYPE_CODES:
        write_decimal(w, read_u8(r));
        break;
    case DHCP4_TYPE_U16:
    case DHCP4_TYPE_U16S:
        write_decimal(w, read_u16(r));
        break;
    case DHCP4_TYPE_U32:
        write_decimal(w, read_u32(r));
        break;
    case DHCP4_TYPE_S32:
        write_signed(w, read_u32(r));
        break;
    case DHCP4_TYPE_FLAG:
        write_text(w, read_u8(r) ? "true" : "false");
        break;
    case DHCP4_TYPE_ROUTES:
        write_route(w, r);
        break;
    case DHCP4_TYPE_TEXT:
    case DHCP4_TYPE_BYTES:
    case DHCP4_TYPE_EMPTY:
    case DHCP4_TYPE_DOMAINS:
    case DHCP4_TYPE_SIP:
    case DHCP4_TYPE_VENDORS:
        reader_fail(r);
        break;
    }
}

void dhcp4_write_value(struct writer *w, uint8_t code, struct span value)
{
    const struct dhcp4_option_row *row = dhcp4_option_row(code);
    enum dhcp4_option_type type = row ? row->type : DHCP4_TYPE_BYTES;
    struct mark before = writer_mark(w);
    struct reader r = reader_over(value);
    if (type == DHCP4_TYPE_TEXT) {
        write_printable(w, r);
        return;
    }
    for (bool first = true; reader_left(&r); first = false) { /* each turn takes a byte or fails */
        if (!first)
            write_text(w, ", ");
        write_item(w, type, &r);
    }
    if (reader_ok(&r))
        return;
    writer_back_to(w, before);
    write_hex(w, reader_over(value));
}
