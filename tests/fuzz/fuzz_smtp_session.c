/* Any bytes and any results of effects: the session's replies are well-formed, no stored text has anything
 * bare in it, and however the bytes are cut the session says and stores the same. */
#include "smtp_client.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 8000 /* so that a client's own room never ends */

static struct smtp_client whole, pieces;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void replies_are_well_formed(struct smtp_client *c)
{
    struct smtp_reply reply;
    size_t taken;
    for (struct span left = writer_span(&c->replies); left.len > 0; left = span_from(left, taken)) {
        must(smtp_parse_reply(left, &reply, &taken) == SMTP_PARSED);
        must(reply.code >= 211 && reply.code <= 555);
    }
    must(writer_ok(&c->replies));
}

static void nothing_bare_is_stored(struct smtp_client *c)
{
    struct span left = writer_span(&c->message), line;
    size_t taken;
    while (left.len > 0) {
        size_t end = span_find(left, '\n');
        line = span_head(left, end);
        must(span_find(line, '\0') == line.len);
        size_t cr = span_find(line, '\r');
        must(end < left.len ? cr + 1 == line.len : cr == line.len);
        taken = end + 1;
        left = span_from(left, taken);
    }
}

static void play(struct smtp_client *c, uint8_t plan, struct span in, size_t piece)
{
    client_open(c);
    c->begins = plan & 1 ? SMTP_FULL : SMTP_OK;
    c->stores = plan & 2 ? SMTP_FAILED : plan & 4 ? SMTP_FULL : SMTP_OK;
    c->tls = plan & 8 ? SMTP_OK : SMTP_FAILED;
    c->settings.message_bytes_max = plan & 16 ? 40 : 10240000;
    if (plan & 32)
        client_say(c, "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<ppa@skynet.local>\r\n");
    if (plan & 64)
        client_say(c, "DATA\r\n");
    while (in.len > 0) {
        client_hear(c, span_head(in, piece));
        in = span_from(in, piece);
    }
    replies_are_well_formed(c);
    nothing_bare_is_stored(c);
    client_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct span in = span_of(data + 2, size - 2);
    uint8_t plan = data[0] & (uint8_t)~8;
    play(&whole, data[0], in, in.len + 1); /* with TLS what is thrown away depends on the cut */
    play(&whole, plan, in, in.len + 1);
    play(&pieces, plan, in, 1 + data[1] % 64u);
    must(span_equal(writer_span(&whole.replies), writer_span(&pieces.replies)));
    must(whole.stored == pieces.stored && whole.hung_up == pieces.hung_up);
    must(strcmp(whole.sender, pieces.sender) == 0 && strcmp(whole.recipients, pieces.recipients) == 0);
    return 0;
}
