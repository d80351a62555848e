#include "pages.h"

#include "text.h"
#include "wire/form.h"

static const char marker[] = "<!-- entries -->";

void pages_write_error(struct writer *w, unsigned status, const char *reason)
{
    const char *phrase = http_status_phrase(status);
    write_format(
        w,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>%u %s</title>\n"
        "<style>body{font:1rem/1.5 system-ui,sans-serif;margin:4rem auto;max-width:32rem;padding:0 1rem;"
        "color-scheme:light dark}h1{font-size:1.4rem}</style>\n<h1>%u %s</h1>\n<p>",
        status, phrase, status, phrase);
    write_html(w, span_text(reason));
    write_text(w, ".</p>\n</html>\n");
}

void pages_write_entry(struct writer *w, const struct entry *e)
{
    static uint8_t room[64 * 1024]; /* a larger entry is shown without its fields */
    struct form form;
    struct writer decoded = writer_over(room, sizeof room);
    write_format(w, "<article class=\"entry\" id=\"entry-%lld\">\n<time>", (long long)e->id);
    write_http_date(w, e->unix_ms);
    write_text(w, "</time>\n<dl>\n");
    if (!form_parse(e->fields, &decoded, &form))
        form.count = 0;
    for (size_t i = 0; i < form.count; i++) {
        if (form.fields[i].value.len == 0)
            continue;
        write_text(w, "<dt>");
        write_html(w, form.fields[i].name);
        write_text(w, "</dt><dd>");
        write_html(w, form.fields[i].value);
        write_text(w, "</dd>\n");
    }
    write_text(w, "</dl>\n</article>\n");
}

size_t pages_find_marker(struct span content, size_t *marker_len)
{
    const uint8_t *at = content.len ? memmem(content.at, content.len, marker, sizeof marker - 1) : NULL;
    *marker_len = at ? sizeof marker - 1 : 0;
    return at ? (size_t)(at - content.at) : content.len;
}

void pages_write_location(struct writer *w, const char *then, int64_t id)
{
    const char *place = strstr(then, "{id}");
    if (!place) {
        write_text(w, then);
        return;
    }
    write_bytes(w, then, (size_t)(place - then));
    write_decimal(w, (uint64_t)id);
    write_text(w, place + 4);
}
