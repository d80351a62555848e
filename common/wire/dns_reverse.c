#include "dns_reverse.h"

#include "text.h"

void dns_name_of_address(struct dns_name *out, struct address address)
{
    static const char digits[] = "0123456789abcdef";
    char text[32 * 2 + sizeof "ip6.arpa."];
    struct writer w = writer_over(text, sizeof text);
    const uint8_t *a = address.bytes;
    if (address.family == FAMILY_IP6)
        for (size_t i = 16; i-- > 0;)
            write_format(&w, "%c.%c.", digits[a[i] & 15], digits[a[i] >> 4]);
    else
        write_format(&w, "%u.%u.%u.%u.", a[3], a[2], a[1], a[0]);
    write_text(&w, address.family == FAMILY_IP6 ? "ip6.arpa." : "in-addr.arpa.");
    dns_name_from_text(writer_span(&w), NULL, out);
}
