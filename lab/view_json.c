#include "view_json.h"

#include "text.h"

#define NANO INT64_C(1000000000)

static void write_key(struct writer *w, const char *key)
{
    write_format(w, "\"%s\":", key);
}

static void write_seconds(struct writer *w, int64_t ns)
{
    int64_t positive = ns < 0 ? -ns : ns;
    write_format(w, "%s%lld.%09lld", ns < 0 ? "-" : "", (long long)(positive / NANO),
                 (long long)(positive % NANO));
}

static void write_end(struct writer *w, const struct view_end *e, struct span name)
{
    char text[ADDRESS_TEXT_MAX > HARDWARE_TEXT_MAX ? ADDRESS_TEXT_MAX : HARDWARE_TEXT_MAX];
    const char *comma = "";
    write_u8(w, '{');
    if (name.len) {
        write_key(w, "name");
        write_json_string(w, name);
        comma = ",";
    }
    if (e->address.family) {
        write_format(w, "%s\"address\":\"%s\"", comma, address_format(e->address, text));
        comma = ",";
    }
    if (e->port) {
        write_format(w, "%s\"port\":%u", comma, e->port);
        comma = ",";
    }
    if (e->has_hardware)
        write_format(w, "%s\"hardware\":\"%s\"", comma,
                     hardware_format(span_of(e->hardware, sizeof e->hardware), text));
    write_u8(w, '}');
}

/* Of several fields with one name the first counts, as everywhere. */
static bool is_first(const struct view_message *m, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (span_equal(m->fields[k].name, m->fields[i].name))
            return false;
    return true;
}

static void write_fields(struct writer *w, const struct view_message *m)
{
    write_key(w, "fields");
    write_u8(w, '{');
    for (size_t i = 0; i < m->field_count; i++) {
        if (!is_first(m, i))
            continue;
        if (i)
            write_u8(w, ',');
        write_json_string(w, m->fields[i].name);
        write_u8(w, ':');
        write_json_string(w, m->fields[i].value);
    }
    write_u8(w, '}');
}

void view_write_json(struct writer *w, const struct view_message *m, int64_t began_ns, struct span from_name,
                     struct span to_name)
{
    write_format(w, "{\"frame\":%llu,\"part\":%u,\"time\":", (unsigned long long)m->frame, m->part);
    write_seconds(w, m->unix_ns);
    write_text(w, ",\"seconds\":");
    write_seconds(w, m->unix_ns - began_ns);
    write_format(w, ",\"protocol\":\"%s\",\"word\":", view_protocol_name(m->protocol));
    write_json_string(w, m->word);
    write_text(w, ",\"from\":");
    write_end(w, &m->from, from_name);
    if (m->everyone) {
        write_text(w, ",\"everyone\":true");
    } else {
        write_text(w, ",\"to\":");
        write_end(w, &m->to, to_name);
    }
    write_format(w, ",\"carrier\":%s,\"reply\":%s,", m->weight == VIEW_APPLICATION ? "false" : "true",
                 m->reply ? "true" : "false");
    write_fields(w, m);
    write_text(w, ",\"sentence\":");
    write_json_string(w, m->sentence);
    write_text(w, "}\n");
}
