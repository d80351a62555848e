/* Any bytes as a message's text, a path, a parameter list, a reply: read without harm; what is read and built
 * again reads the same. */
#include "wire/smtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 8192

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* ---- text -------------------------------------------------------------------------------- */

struct decoded {
    uint8_t room[INPUT_MAX + 8];
    struct writer out;
    struct smtp_dot_decoder d;
    enum smtp_dot end;
    size_t taken;
};

static void decode(struct decoded *x, struct span in, size_t piece)
{
    *x = (struct decoded){ .end = SMTP_DOT_MORE };
    x->out = writer_over(x->room, sizeof x->room);
    while (x->end == SMTP_DOT_MORE && x->taken < in.len) {
        size_t taken;
        x->end = smtp_dot_decode(&x->d, span_head(span_from(in, x->taken), piece), &x->out, &taken);
        must(taken > 0);
        x->taken += taken;
    }
}

static bool is_spoilt(const struct decoded *x)
{
    return x->d.bare_cr || x->d.bare_lf || x->d.nul;
}

static void text(struct span in, size_t piece)
{
    static struct decoded whole, pieces, again;
    static uint8_t room[3 * INPUT_MAX + 8];
    struct smtp_dot_encoder e = { 0 };
    decode(&whole, in, in.len);
    decode(&pieces, in, piece);
    must(whole.end == pieces.end && whole.taken == pieces.taken && is_spoilt(&whole) == is_spoilt(&pieces));
    must(span_equal(writer_span(&whole.out), writer_span(&pieces.out)));
    struct span source = whole.end == SMTP_DOT_END && !is_spoilt(&whole) ? writer_span(&whole.out) : in;
    struct writer out = writer_over(room, sizeof room);
    must(smtp_dot_encode(&e, source, &out) == source.len);
    smtp_dot_finish(&e, &out);
    must(writer_ok(&out));
    decode(&again, writer_span(&out), writer_length(&out));
    must(again.end == SMTP_DOT_END && !is_spoilt(&again) && again.taken == writer_length(&out));
    if (whole.end == SMTP_DOT_END && !is_spoilt(&whole))
        must(span_equal(writer_span(&again.out), source));
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void path(struct span in)
{
    struct smtp_path p, again;
    struct reader r = reader_over(in);
    char room[2 * SMTP_PATH_MAX + 8];
    struct writer w = writer_over(room, sizeof room);
    smtp_read_reverse_path(&r, &p);
    r = reader_over(in);
    if (!smtp_read_forward_path(&r, &p))
        return;
    if (p.domain.len == 0) {
        must(span_is(smtp_path_local(&p), "postmaster"));
        return;
    }
    smtp_write_mailbox(&w, smtp_path_local(&p), p.domain);
    must(writer_ok(&w));
    r = reader_over(writer_span(&w));
    must(smtp_read_mailbox(&r, &again) && reader_done(&r));
    must(span_equal(smtp_path_local(&p), smtp_path_local(&again)) && span_equal(p.domain, again.domain));
    must(p.literal ? smtp_is_address_literal(p.domain) : smtp_is_domain(p.domain));
}

static void params(struct span in)
{
    struct smtp_param p;
    struct reader r = reader_over(in);
    size_t count = 0;
    while (smtp_read_param(&r, &p) == SMTP_PARAM) {
        must(p.keyword.len > 0 && p.has_value == (p.value.len > 0));
        must(++count <= in.len);
    }
}

static void reply(struct span in)
{
    static uint8_t room[INPUT_MAX * 2];
    struct smtp_reply first, again;
    struct smtp_enhanced code;
    struct span rest;
    size_t taken;
    if (smtp_parse_reply(in, &first, &taken) != SMTP_PARSED)
        return;
    must(taken <= in.len && first.count > 0 && first.code >= 200 && first.code < 600);
    smtp_parse_enhanced(first.lines[0], &code, &rest);
    struct writer w = writer_over(room, sizeof room);
    for (size_t i = 0; i < first.count; i++)
        smtp_write_reply_line(&w, first.code, i + 1 == first.count, first.lines[i]);
    must(writer_ok(&w));
    must(smtp_parse_reply(writer_span(&w), &again, &taken) == SMTP_PARSED);
    must(again.code == first.code && again.count == first.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct span in = span_of(data + 1, size - 1);
    text(in, 1 + data[0] % 64u);
    path(in);
    params(in);
    reply(in);
    return 0;
}
