#include "view.h"

#include "dhcp_words.h"
#include "text.h"

static const char *const protocol_names[VIEW_PROTOCOLS] = {
    [VIEW_OTHER] = "other", [VIEW_ARP] = "arp", [VIEW_IP] = "ip",     [VIEW_ICMP] = "icmp",
    [VIEW_ICMP6] = "icmp6", [VIEW_UDP] = "udp", [VIEW_TCP] = "tcp",   [VIEW_DHCP4] = "dhcp4",
    [VIEW_DHCP6] = "dhcp6", [VIEW_DNS] = "dns", [VIEW_HTTP] = "http", [VIEW_SMTP] = "smtp",
    [VIEW_IMAP] = "imap",   [VIEW_TLS] = "tls",
};

const char *view_protocol_name(enum view_protocol p)
{
    return protocol_names[p];
}

static const struct view_row words[] = {
#define WORD(protocol, name, meaning) { VIEW_##protocol, name, meaning },
#define FIELD(protocol, name, meaning)
#include "view_words.def"
#undef WORD
#undef FIELD
};

static const struct view_row fields[] = {
#define WORD(protocol, name, meaning)
#define FIELD(protocol, name, meaning) { VIEW_##protocol, name, meaning },
#include "view_words.def"
#undef WORD
#undef FIELD
};

/* Fields, too. */
static const char *const options6[] = {
#define OPTION6(code, id, name, type, whose, reference, meaning) name,
#include "wire/dhcp6_options.def"
#undef OPTION6
};

#define OPTIONS6 (sizeof options6 / sizeof options6[0])

#define WORDS  (sizeof words / sizeof words[0])
#define FIELDS (sizeof fields / sizeof fields[0])

const struct view_row *view_word_row(size_t i)
{
    return i < WORDS ? &words[i] : NULL;
}

const struct view_row *view_field_row(size_t i)
{
    return i < FIELDS ? &fields[i] : NULL;
}

/* Of HTTP and SMTP: "302", "250". */
static bool is_code(struct span word)
{
    uint64_t code;
    return word.len == 3 && parse_decimal(word, 599, &code) && code >= 100;
}

bool view_has_word(enum view_protocol p, struct span word)
{
    if ((p == VIEW_HTTP || p == VIEW_SMTP) && is_code(word))
        return true;
    for (size_t i = 0; i < WORDS; i++)
        if (words[i].protocol == p && span_is(word, words[i].name))
            return true;
    return false;
}

bool view_knows_word(struct span word)
{
    for (int p = 0; p < VIEW_PROTOCOLS; p++)
        if (view_has_word((enum view_protocol)p, word))
            return true;
    return false;
}

bool view_knows_field(struct span name)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (span_is(name, fields[i].name))
            return true;
    for (size_t i = 0; i < OPTIONS6; i++)
        if (span_is(name, options6[i]))
            return true;
    return dhcp_words_row(name) != NULL;
}

static const char *nearest(const struct view_row *rows, size_t count, const char *word)
{
    const char *best = rows[0].name;
    for (size_t i = 1; i < count; i++)
        if (edit_distance(word, rows[i].name) < edit_distance(word, best))
            best = rows[i].name;
    return best;
}

const char *view_nearest_word(const char *word)
{
    return nearest(words, WORDS, word);
}

const char *view_nearest_field(const char *name)
{
    const char *best = nearest(fields, FIELDS, name), *option = dhcp_words_nearest(name);
    for (size_t i = 0; i < OPTIONS6; i++)
        if (edit_distance(name, options6[i]) < edit_distance(name, best))
            best = options6[i];
    return edit_distance(name, option) < edit_distance(name, best) ? option : best;
}
