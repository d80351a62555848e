#include "config_class.h"

#include "text.h"

#define VALUE_BYTES_MAX 255 /* no option of a client that one matches on is longer */

/* What the functions below work on. */
struct reading {
    struct config *c;
    const struct config_section *s;
    struct arena *memory;
    struct dhcp_match *matches;
    size_t count;
};

bool config_bytes(struct config *c, const struct config_section *s, const struct config_value *v,
                  struct span text, struct arena *a, struct span *out)
{
    uint8_t room[VALUE_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    bool fine = true;
    if (span_starts(text, "0x"))
        fine = options_write_hex(&w, span_from(text, 2));
    else
        write_span(&w, text);
    *out = (struct span){ NULL, 0 };
    if (!fine || !writer_ok(&w) || !writer_length(&w)) {
        config_problem(c, s, v, "text, or \"0x\" and pairs of hexadecimal digits, of 1 to 255 bytes",
                       "\"%s\" cannot be a value", v->text);
        return true;
    }
    *out = arena_copy(a, writer_span(&w));
    return out->at != NULL;
}

/* "82.1", and what stands behind it. False when it is no option. */
static bool read_code(struct dhcp_match *x, struct span text)
{
    uint64_t code = 0, sub = 0;
    size_t dot = span_find(text, '.');
    if (!parse_decimal(span_head(text, dot), 254, &code) || !code)
        return false;
    if (dot < text.len &&
        (code != DHCP4_OPTION_RELAY_AGENT || !parse_decimal(span_from(text, dot + 1), 255, &sub) || !sub))
        return false;
    x->code = (uint8_t)code;
    x->suboption = (uint8_t)sub;
    return true;
}

/* "60 PXEClient*", "82.1 0x0102", "43" */
static bool read_option(struct reading *r, const struct config_value *v, struct dhcp_match *x)
{
    struct span text = span_text(v->text);
    size_t gap = span_find(text, ' ');
    struct span value = span_from(text, gap + (gap < text.len));
    if (!read_code(x, span_head(text, gap))) {
        config_problem(r->c, r->s, v, "an option's number, or 82 and a sub-option's, and its value",
                       "\"%s\" names no option", v->text);
        return true;
    }
    x->any_value = !value.len;
    x->begins = value.len && value.at[value.len - 1] == '*';
    if (x->begins)
        value = span_head(value, value.len - 1);
    return x->any_value || config_bytes(r->c, r->s, v, value, r->memory, &x->value);
}

static bool read_hardware(struct reading *r, const struct config_value *v, struct dhcp_match *x)
{
    uint8_t room[DHCP4_CHADDR_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (!options_write_hex(&w, span_text(v->text)) || !writer_ok(&w) || !writer_length(&w)) {
        config_problem(r->c, r->s, v, "the first bytes of a hardware address, as in \"00:0c:29\"",
                       "\"%s\" begins no hardware address", v->text);
        return true;
    }
    x->value = arena_copy(r->memory, writer_span(&w));
    return x->value.at != NULL;
}

static bool read_match(struct reading *r, enum dhcp_match_kind kind, const struct config_value *v)
{
    struct dhcp_match *x = &r->matches[r->count++];
    x->kind = kind;
    switch (kind) {
    case DHCP_MATCH_HARDWARE:
        return read_hardware(r, v, x);
    case DHCP_MATCH_ARCHITECTURE:
        x->number = (uint16_t)v->number;
        return true;
    case DHCP_MATCH_OPTION:
        return read_option(r, v, x);
    case DHCP_MATCH_VENDOR_CLASS:
    case DHCP_MATCH_USER_CLASS:
        break;
    }
    return config_bytes(r->c, r->s, v, span_text(v->text), r->memory, &x->value);
}

static bool read_matches(struct reading *r, struct dhcp_class *out)
{
    static const char *const keys[] = { [DHCP_MATCH_HARDWARE] = "match-hardware",
                                        [DHCP_MATCH_VENDOR_CLASS] = "match-vendor-class",
                                        [DHCP_MATCH_USER_CLASS] = "match-user-class",
                                        [DHCP_MATCH_ARCHITECTURE] = "match-architecture",
                                        [DHCP_MATCH_OPTION] = "match-option" };
    size_t total = 0, count = 0;
    for (size_t kind = 0; kind < sizeof keys / sizeof *keys; kind++) {
        config_list(r->s, keys[kind], &count);
        total += count;
    }
    if (!total)
        config_problem(r->c, r->s, config_title(r->s), "one of the keys match-hardware to match-option",
                       "nothing tells who is in class \"%s\"", out->name);
    r->matches = arena_array(r->memory, total, sizeof *r->matches);
    if (!r->matches)
        return false;
    for (size_t kind = 0; kind < sizeof keys / sizeof *keys; kind++) {
        const struct config_value *v = config_list(r->s, keys[kind], &count);
        for (size_t i = 0; i < count; i++)
            if (!read_match(r, (enum dhcp_match_kind)kind, &v[i]))
                return false;
    }
    out->matches = r->matches;
    out->match_count = r->count;
    return true;
}

static bool read_class(struct config *c, const struct config_section *s, struct arena *a,
                       struct dhcp_class *out)
{
    struct reading r = { .c = c, .s = s, .memory = a };
    struct options_draft draft = { 0 };
    const struct config_value *next = config_value(s, "next-server"), *time = config_value(s, "lease-time");
    out->name = arena_text(a, span_text(config_title(s)->text));
    out->broadcast = config_flag(s, "force-broadcast");
    out->next_server = next ? address_to_ip4(next->endpoint.address) : 0;
    if (time)
        out->lease_s = time->number >= LEASE_INFINITE ? LEASE_INFINITE : (uint32_t)time->number;
    return out->name && read_matches(&r, out) && options_read(&draft, a, c, s) &&
           options_finish(&draft, a, &out->options);
}

bool config_classes(struct config *c, const struct config_section *s, struct arena *a,
                    struct dhcp_settings *out)
{
    size_t count = 0;
    const struct config_section *const *sections = config_sections(s, "class", &count);
    struct dhcp_class *classes = arena_array(a, count, sizeof *classes);
    if (!classes)
        return false;
    if (count > CLASSES_MAX) {
        config_problem(c, sections[CLASSES_MAX], config_title(sections[CLASSES_MAX]), "64 classes at most",
                       "there are %zu classes", count);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (!read_class(c, sections[i], a, &classes[i]))
            return false;
    out->classes = classes;
    out->class_count = count;
    return true;
}

uint64_t config_class_bit(struct config *c, const struct config_section *s, const struct config_value *v,
                          const struct dhcp_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->class_count; i++)
        if (strcmp(settings->classes[i].name, name) == 0)
            return UINT64_C(1) << i;
    config_problem(c, s, v, "the name of a class of the section dhcpd", "there is no class \"%s\"", name);
    return 0;
}
