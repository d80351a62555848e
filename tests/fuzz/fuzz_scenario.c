/* Any text: read without harm; every problem names a line that there is, and a remedy. What is right can be
 * drawn, recorded and checked without a packet. */
#include "lab/expect.h"
#include "lab/ladder.h"
#include "lab/record.h"
#include "lab/scenario.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct scenario scenario;
static uint8_t room[1 << 20];

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void ignore(void *owner, unsigned line, const char *what)
{
    (void)owner;
    (void)line;
    must(what[0] != 0);
}

static size_t lines_of(struct span text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    return lines;
}

static void use(const struct scenario *s)
{
    static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct pcapng_packet p = { .bytes = span_of(frame, sizeof frame), .original_bytes = sizeof frame };
    struct ladder_host hosts[SCENARIO_HOSTS_MAX];
    struct ladder l = { .hosts = hosts, .host_count = s->host_count, .width = 100 };
    must(s->capture_count && s->step_count && s->host_count >= 2);
    for (size_t i = 0; i < s->host_count; i++)
        hosts[i] = (struct ladder_host){ .name = s->hosts[i].name, .place = s->hosts[i].name };
    struct writer w = writer_over(room, LADDER_LINE_BYTES);
    ladder_write_head(&w, &l);
    must(writer_ok(&w));
    expect_compare(s, &p, 1, ignore, NULL);
    size_t most = record_bytes_max(s, &p, 1, span_of(NULL, 0));
    must(most <= sizeof room);
    w = writer_over(room, most);
    record_write(&w, s, &s->captures[0], "eth0", &p, 1, span_of(NULL, 0));
    must(writer_ok(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct span text = span_of(data, size);
    arena_open(&a, 4096, 1 << 20);
    bool right = scenario_parse(&scenario, text, &a);
    size_t lines = lines_of(text);
    must(right == (scenario.problem_count == 0) && scenario.problem_count <= SCENARIO_PROBLEMS_MAX);
    for (size_t i = 0; i < scenario.problem_count; i++) {
        const struct scenario_problem *p = &scenario.problems[i];
        must(p->line <= lines && p->problem.what[0] && p->problem.remedy[0]);
        for (const char *c = p->problem.what; *c; c++)
            must(*c >= ' ');
    }
    scenario_title(text);
    if (right)
        use(&scenario);
    arena_close(&a);
    return 0;
}
