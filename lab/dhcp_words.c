#include "dhcp_words.h"

#include "endpoint.h"
#include "text.h"

const struct dhcp4_option_row *dhcp_words_row(struct span name)
{
    for (unsigned code = 1; code < DHCP4_END; code++) {
        const struct dhcp4_option_row *row = dhcp4_option_row((uint8_t)code);
        if (row && span_is(name, row->name))
            return row;
    }
    return NULL;
}

const char *dhcp_words_nearest(const char *name)
{
    const char *best = "requested-address";
    size_t least = edit_distance(name, best);
    for (unsigned code = 1; code < DHCP4_END; code++) {
        const struct dhcp4_option_row *row = dhcp4_option_row((uint8_t)code);
        size_t distance = row ? edit_distance(name, row->name) : SIZE_MAX;
        if (distance < least) {
            best = row->name;
            least = distance;
        }
    }
    return best;
}

static bool write_address_word(struct writer *w, struct span word)
{
    struct address a;
    if (!address_parse(word, &a) || a.family != FAMILY_IP4)
        return false;
    write_u32(w, address_to_ip4(a));
    return true;
}

/* A number of so many bytes. */
static bool write_number_word(struct writer *w, struct span word, size_t bytes)
{
    uint64_t v;
    if (!parse_decimal(word, bytes == 1 ? UINT8_MAX : bytes == 2 ? UINT16_MAX : UINT32_MAX, &v))
        return false;
    if (bytes == 1)
        write_u8(w, (uint8_t)v);
    else if (bytes == 2)
        write_u16(w, (uint16_t)v);
    else
        write_u32(w, (uint32_t)v);
    return true;
}

static bool write_word(struct writer *w, enum dhcp4_option_type type, struct span word)
{
    switch (type) {
    case DHCP4_TYPE_IP4:
    case DHCP4_TYPE_ADDRESSES:
    case DHCP4_TYPE_ADDRESS_PAIRS:
        return write_address_word(w, word);
    case DHCP4_TYPE_U8:
    case DHCP4_TYPE_FLAG:
    case DHCP4_TYPE_CODES:
        return write_number_word(w, word, 1);
    case DHCP4_TYPE_U16:
    case DHCP4_TYPE_U16S:
        return write_number_word(w, word, 2);
    case DHCP4_TYPE_U32:
    case DHCP4_TYPE_S32:
        return write_number_word(w, word, 4);
    case DHCP4_TYPE_TEXT:
        write_span(w, word);
        return word.len > 0;
    default:
        return write_unhex(w, word);
    }
}

static bool takes_several(enum dhcp4_option_type type)
{
    return type == DHCP4_TYPE_ADDRESSES || type == DHCP4_TYPE_ADDRESS_PAIRS || type == DHCP4_TYPE_CODES ||
           type == DHCP4_TYPE_U16S;
}

bool dhcp_words_write(struct writer *w, const struct dhcp4_option_row *row, const struct span *words,
                      size_t count)
{
    if (row->type == DHCP4_TYPE_EMPTY)
        return count == 0;
    if (count == 0 || (count > 1 && !takes_several(row->type)))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!write_word(w, row->type, words[i]))
            return false;
    return writer_ok(w) && writer_length(w) <= UINT8_MAX;
}

const char *dhcp_words_example(enum dhcp4_option_type type)
{
    static const char *const examples[] = {
        [DHCP4_TYPE_IP4] = "192.168.1.10",
        [DHCP4_TYPE_ADDRESSES] = "192.168.1.1 192.168.1.2",
        [DHCP4_TYPE_ADDRESS_PAIRS] = "10.0.0.0 192.168.1.1",
        [DHCP4_TYPE_U8] = "64",
        [DHCP4_TYPE_U16] = "1500",
        [DHCP4_TYPE_U32] = "600",
        [DHCP4_TYPE_S32] = "3600",
        [DHCP4_TYPE_FLAG] = "1",
        [DHCP4_TYPE_TEXT] = "ubuntu2",
        [DHCP4_TYPE_BYTES] = "01:00:0c:29:59:fd:21",
        [DHCP4_TYPE_CODES] = "1 3 6 15",
        [DHCP4_TYPE_U16S] = "1500 576",
        [DHCP4_TYPE_EMPTY] = "(nothing)",
        [DHCP4_TYPE_DOMAINS] = "(bytes in hexadecimal)",
        [DHCP4_TYPE_ROUTES] = "(bytes in hexadecimal)",
    };
    return type < sizeof examples / sizeof *examples && examples[type] ? examples[type] : "0a0b0c";
}
