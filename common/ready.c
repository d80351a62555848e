#include "ready.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_BYTES 32768

void ready_add(struct ready *r, const char *service, const char *protocol, const struct endpoint *at,
               const char *try)
{
    if (r->count < READY_MAX)
        r->rows[r->count++] = (struct ready_row){ service, protocol, try, *at };
}

void ready_close(struct ready *r)
{
    r->count = 0;
}

static void print_machine(const struct ready *r, const char *lab, uint64_t ms, const char *ca_path)
{
    static char line[LINE_BYTES];
    char address[ADDRESS_TEXT_MAX];
    struct writer w = writer_over(line, sizeof line);
    write_text(&w, "{\"ready\":true,\"lab\":");
    write_json_string(&w, span_text(lab));
    write_format(&w, ",\"pid\":%d,\"ms\":%llu,\"listen\":[", (int)getpid(), (unsigned long long)ms);
    for (size_t i = 0; i < r->count; i++) {
        const struct ready_row *row = &r->rows[i];
        write_format(&w, "%s{\"service\":\"%s\",\"proto\":\"%s\",\"address\":\"%s\",\"port\":%u}",
                     i ? "," : "", row->service, row->protocol, address_format(row->at.address, address),
                     row->at.port);
    }
    write_text(&w, "],\"ca\":");
    write_json_string(&w, span_text(ca_path));
    write_text(&w, "}\n");
    fwrite(line, 1, writer_length(&w), stdout);
    fflush(stdout);
}

/* The command to try, with %s for the address and %p for the port. A program of ours is named by the way in
 * which this one was started, so that the line can be copied as it is. */
static void write_try(struct writer *w, const struct ready_row *row)
{
    char address[ADDRESS_TEXT_MAX];
    const char *slash = strrchr(program_invocation_name, '/');
    if (slash && strncmp(row->try, "wirelab ", 8) == 0)
        write_bytes(w, program_invocation_name, (size_t)(slash - program_invocation_name) + 1);
    for (const char *c = row->try; *c; c++) {
        if (c[0] == '%' && c[1] == 's') {
            write_text(w, address_format(row->at.address, address));
            c++;
        } else if (c[0] == '%' && c[1] == 'p') {
            write_decimal(w, row->at.port);
            c++;
        } else {
            write_u8(w, (uint8_t)*c);
        }
    }
}

static void print_person(const struct ready *r, const char *lab, uint64_t ms)
{
    printf("wirelab: lab \"%s\" is ready in %llu ms; stop it with Ctrl-C\n", lab, (unsigned long long)ms);
    for (size_t i = 0; i < r->count; i++) {
        char text[ENDPOINT_TEXT_MAX], line[512];
        struct writer w = writer_over(line, sizeof line - 1);
        const struct ready_row *row = &r->rows[i];
        if (row->try)
            write_try(&w, row);
        line[writer_length(&w)] = 0;
        printf("  %-6s %-4s %-22s %s%s\n", row->service, row->protocol, endpoint_format(&row->at, text),
               row->try ? "try: " : "", line);
    }
    printf("\n");
    fflush(stdout);
}

void ready_print(const struct ready *r, const char *lab, uint64_t ms, const char *ca_path, bool machine)
{
    if (machine)
        print_machine(r, lab, ms, ca_path);
    else
        print_person(r, lab, ms);
}

void ready_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}
