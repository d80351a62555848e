#include "zone_door.h"

#include "daemon.h"
#include "text.h"

#include <jansson.h>
#include <stdio.h>

static void write_escaped(struct writer *w, const char *text)
{
    for (; *text; text++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *text) ||
            (*text == '.' && text[1]))
            write_u8(w, (uint8_t)*text);
        else
            write_format(w, "%%%02X", (unsigned)(unsigned char)*text);
}

void zone_door_path(char path[ZONE_PATH_BYTES], const char *name, const char *action, const char *view,
                    bool signatures)
{
    struct writer w = writer_over(path, ZONE_PATH_BYTES - 1);
    write_text(&w, "/dnsd/zones/");
    write_escaped(&w, name);
    if (action)
        write_format(&w, "/%s", action);
    write_text(&w, signatures ? "?signatures=yes" : "");
    if (view) {
        write_text(&w, signatures ? "&view=" : "?view=");
        write_escaped(&w, view);
    }
    path[writer_length(&w)] = '\0';
}

/* The line that is wrong, and a mark under its place. */
static void show_line(const char *line, json_int_t column)
{
    fprintf(stderr, "    %s\n", line);
    if (column > 0)
        fprintf(stderr, "    %*s^\n", (int)column - 1, "");
}

int zone_door_refused(const char *command, const struct door_answer *a, const char *const *lines)
{
    json_t *said = json_loadb(a->body, a->length, 0, NULL);
    const char *error = json_string_value(json_object_get(said, "error"));
    const char *remedy = json_string_value(json_object_get(said, "remedy"));
    json_int_t change = json_integer_value(json_object_get(said, "change"));
    json_t *problems = json_object_get(said, "problems"), *p;
    size_t i;
    fprintf(stderr, "wirelab %s: %s\n", command, error ? error : a->body);
    if (change > 0 && lines)
        show_line(lines[change - 1], json_integer_value(json_object_get(said, "column")));
    json_array_foreach(problems, i, p) fprintf(
        stderr, "  line %d, column %d: %s\n", (int)json_integer_value(json_object_get(p, "line")),
        (int)json_integer_value(json_object_get(p, "column")), json_string_value(json_object_get(p, "text")));
    if (remedy)
        fprintf(stderr, "  %s\n", remedy);
    json_decref(said);
    return a->status == 400 ? EXIT_WRONG_USE : EXIT_RUNNING;
}
