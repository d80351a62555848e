#include "pages.h"

#include "text.h"
#include "wire/form.h"

static const char marker[] = "<!-- entries -->";

static void write_start(struct writer *w)
{
    write_text(
        w, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
           "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:4rem auto;"
           "max-width:36rem;padding:0 1rem}h1{font-size:1.4rem;overflow-wrap:anywhere}</style>\n<title>");
}

void pages_write_error(struct writer *w, unsigned status, const char *reason)
{
    const char *phrase = http_status_phrase(status);
    write_start(w);
    write_format(w, "%u %s</title>\n<h1>%u %s</h1>\n<p>", status, phrase, status, phrase);
    write_html(w, span_text(reason));
    write_text(w, ".</p>\n</html>\n");
}

void pages_write_redirect(struct writer *w, unsigned status, struct span location)
{
    const char *phrase = http_status_phrase(status);
    write_start(w);
    write_format(w, "%u %s</title>\n<h1>%s</h1>\n<p>It goes on at <a href=\"", status, phrase, phrase);
    write_html(w, location);
    write_text(w, "\">");
    write_html(w, location);
    write_text(w, "</a>.</p>\n</html>\n");
}

static bool shown(const struct http_form *form, const struct form_field *f)
{
    for (size_t i = 0; i < form->show_count; i++)
        if (span_is(f->name, form->show[i]))
            return f->value.len > 0;
    return form->show_count == 0 && f->value.len > 0;
}

void pages_write_entry(struct writer *w, const struct http_form *form, const struct entry *e)
{
    uint8_t room[ENTRY_BYTES_MAX], id[HTTP_HEADERS_MAX + 32];
    struct writer decoded = writer_over(room, sizeof room), anchor = writer_over(id, sizeof id);
    struct form f;
    pages_write_with_id(&anchor, form->anchor, e->id);
    write_text(w, "<article class=\"entry\" id=\"");
    write_html(w, writer_span(&anchor));
    write_text(w, "\">\n<time datetime=\"");
    write_rfc3339(w, e->unix_ms);
    write_text(w, "\">");
    write_http_date(w, e->unix_ms);
    write_text(w, "</time>\n<dl>\n");
    if (!form_parse(e->fields, &decoded, &f))
        f.count = 0;
    for (size_t i = 0; i < f.count; i++) {
        if (!shown(form, &f.fields[i]))
            continue;
        write_text(w, "<dt>");
        write_html(w, f.fields[i].name);
        write_text(w, "</dt><dd>");
        write_html(w, f.fields[i].value);
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

void pages_write_with_id(struct writer *w, const char *text, int64_t id)
{
    const char *place = strstr(text, "{id}");
    if (!place) {
        write_text(w, text);
        return;
    }
    write_bytes(w, text, (size_t)(place - text));
    write_decimal(w, (uint64_t)id);
    write_text(w, place + 4);
}

void pages_write_list_head(struct writer *w, struct span path)
{
    write_start(w);
    write_html(w, path);
    write_text(w, "</title>\n<h1>");
    write_html(w, path);
    write_text(w, "</h1>\n<ul>\n");
    if (path.len > 1)
        write_text(w, "<li><a href=\"../\">../</a></li>\n");
}

void pages_write_list_row(struct writer *w, struct span name, bool directory)
{
    char room[3 * 256];
    struct writer url = writer_over(room, sizeof room);
    const char *slash = directory ? "/" : "";
    http_write_path(&url, name);
    write_text(w, "<li><a href=\"./"); /* behind a slash a name with a colon is no scheme */
    write_html(w, writer_span(&url));
    write_text(w, slash);
    write_text(w, "\">");
    write_html(w, name);
    write_text(w, slash);
    write_text(w, "</a></li>\n");
}

void pages_write_list_end(struct writer *w)
{
    write_text(w, "</ul>\n</html>\n");
}
