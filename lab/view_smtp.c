#include "view_make.h"

#include "text.h"

#define VERB_MAX       16          /* longer words are no verbs */
#define HEAD_KEPT      (16 * 1024) /* of a message's text, for its subject */
#define DECODE_BYTES   4096        /* decoded in one step */
#define LINE_FAIL      512         /* of a line that is no reply, this much is shown */
#define JOINED_BYTES   1024
#define CODE_AUTH_MORE 334
#define CODE_READY     220

/* ---- a message's text ------------------------------------------------------------------------------------
 */

/* The value of a header field, without its folded lines; empty when it is not in what was kept. */
static struct span header(struct span text, const char *name)
{
    struct span line;
    size_t taken, n = strlen(name);
    while (view_line(text, &line, &taken) &&
           line.len) { /* each turn takes a line; an empty one ends the head */
        if (line.len > n && line.at[n] == ':' && span_is_nocase(span_head(line, n), name)) {
            struct span value = span_from(line, n + 1);
            while (value.len && value.at[0] == ' ') /* each turn takes a space */
                value = span_from(value, 1);
            return value;
        }
        text = span_from(text, taken);
    }
    return (struct span){ text.at, 0 };
}

static void make_text(struct view_make *m, struct view_flow *f)
{
    struct span head = span_head(view_stream_span(&f->stream), f->held);
    struct span subject = header(head, "Subject");
    view_word(m, VIEW_SMTP, "message");
    view_add_number(m, "bytes", f->body);
    view_add(m, "subject", subject);
    view_add(m, "from", header(head, "From"));
    view_add(m, "to", header(head, "To"));
    view_add(m, "content-type", header(head, "Content-Type"));
    if (f->missing)
        view_add_number(m, "missing", f->missing);
    view_show_format(m, "%llu bytes", (unsigned long long)f->body);
    if (subject.len)
        view_show_format(m, "Subject: %.*s", SPAN(subject));
    view_say(m, "message: its text, %llu bytes, and the dot that ends it", (unsigned long long)f->body);
    view_stream_take(&f->stream, 0, f->held);
    f->held = 0;
    f->body = f->missing = 0;
    f->state = VIEW_STATE_START;
}

static bool take_text(struct view_make *m, struct view_flow *f)
{
    uint8_t scratch[DECODE_BYTES];
    enum smtp_dot end = SMTP_DOT_MORE;
    size_t taken = 1;
    while (end == SMTP_DOT_MORE && taken) { /* each turn takes bytes, or is the last */
        struct writer out = writer_over(scratch, sizeof scratch);
        struct span rest = span_from(view_stream_span(&f->stream), f->held);
        end = smtp_dot_decode(&f->dots, rest, &out, &taken);
        bool spoilt = f->dots.bare_cr || f->dots.bare_lf || f->dots.nul;
        f->body += spoilt ? taken : writer_length(&out);
        if (f->held < HEAD_KEPT)
            f->held += taken;
        else
            view_stream_take(&f->stream, f->held, taken);
    }
    if (end == SMTP_DOT_END)
        make_text(m, f);
    return end == SMTP_DOT_END;
}

/* ---- commands
 * ---------------------------------------------------------------------------------------------- */

/* In capitals; "command" when it cannot be a verb. */
static const char *verb_of(struct span word, char *verb)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = ascii_lower(word.at[i]);
        if (word.len > VERB_MAX || c < 'a' || c > 'z')
            return "command";
        verb[i] = (char)(c - 'a' + 'A');
    }
    verb[word.len] = 0;
    return word.len ? verb : "command";
}

static void add_path(struct view_make *m, struct span argument)
{
    size_t open = span_find(argument, '<'), close = span_find(argument, '>');
    if (open < close && close < argument.len)
        view_add(m, "path", span_head(span_from(argument, open + 1), close - open - 1));
}

static void say_command(struct view_make *m, const char *verb)
{
    static const struct {
        const char *verb, *sentence;
    } known[] = {
        { "HELO", "the client introduces itself" },
        { "EHLO", "the client introduces itself and asks what the server can do" },
        { "MAIL", "a message begins: who sends it" },
        { "RCPT", "whom it is for" },
        { "DATA", "the text follows" },
        { "QUIT", "the client has finished" },
        { "STARTTLS", "the client wants to go on under TLS" },
        { "AUTH", "the client proves who it is" },
        { "RSET", "the message that was begun is forgotten" },
        { "VRFY", "does this mailbox exist?" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].verb, verb) == 0)
            view_say(m, "%s: %s", verb, known[i].sentence);
}

/* BDAT: so many bytes follow the line (RFC 3030). */
static void open_chunk(struct view_flow *f, struct span argument)
{
    uint64_t bytes;
    if (!parse_decimal(span_head(argument, span_find(argument, ' ')), UINT32_MAX, &bytes))
        return;
    f->state = VIEW_STATE_BODY;
    f->left = bytes;
}

static bool take_command(struct view_make *m, struct view_connection *c, struct view_flow *f)
{
    char word[VERB_MAX + 1];
    struct span line;
    size_t taken;
    if (!view_line(view_stream_span(&f->stream), &line, &taken))
        return false;
    struct smtp_command command = smtp_parse_command(line);
    const char *verb = verb_of(command.verb, word);
    if (c->flows[VIEW_SERVER].code == CODE_AUTH_MORE) {
        view_word(m, VIEW_SMTP, "credentials");
        view_add_number(m, "bytes", line.len);
        view_show_format(m, "%zu bytes", line.len);
        c->flows[VIEW_SERVER].code = 0;
    } else {
        view_word(m, VIEW_SMTP, verb);
        view_add(m, "argument", command.argument);
        add_path(m, command.argument);
        view_show(m, strcmp(verb, "command") == 0 ? line : command.argument);
        say_command(m, verb);
        c->tls_asked = strcmp(verb, "STARTTLS") == 0;
        c->data_asked = strcmp(verb, "DATA") == 0;
        if (c->data_asked)
            c->flows[VIEW_SERVER].code = 0;
        if (strcmp(verb, "BDAT") == 0)
            open_chunk(f, command.argument);
    }
    view_stream_take(&f->stream, 0, taken);
    return true;
}

/* What comes behind DATA is text, unless the server said no. */
static void settle_data(struct view_connection *c, struct view_flow *f)
{
    if (!c->data_asked || !f->stream.length || f->state != VIEW_STATE_START)
        return;
    c->data_asked = false;
    if (c->flows[VIEW_SERVER].code >= 400)
        return;
    f->state = VIEW_STATE_TEXT;
    f->dots = (struct smtp_dot_decoder){ 0 };
    f->held = 0;
    f->body = f->missing = 0;
}

static bool next_of_client(struct view_make *m, struct view_connection *c, struct view_flow *f)
{
    settle_data(c, f);
    if (f->state == VIEW_STATE_BODY) {
        size_t n = f->left < f->stream.length ? (size_t)f->left : f->stream.length;
        view_stream_take(&f->stream, 0, n);
        f->left -= n;
        if (f->left)
            return false;
        f->state = VIEW_STATE_START;
    }
    return f->state == VIEW_STATE_TEXT ? take_text(m, f) : take_command(m, c, f);
}

/* ---- replies
 * ------------------------------------------------------------------------------------------------ */

static struct span join(const struct smtp_reply *r, struct writer *w)
{
    for (size_t i = 0; i < r->count; i++) {
        struct mark before = writer_mark(w);
        if (i)
            write_text(w, " | ");
        write_span(w, r->lines[i]);
        if (!writer_ok(w))
            writer_back_to(w, before);
    }
    return writer_span(w);
}

static void make_reply(struct view_make *m, const struct smtp_reply *r)
{
    uint8_t room[JOINED_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct smtp_enhanced e;
    struct span rest, text = join(r, &w);
    view_word(m, VIEW_SMTP, "reply");
    m->message.word = view_format(m, "%u", r->code);
    view_add_number(m, "code", r->code);
    view_add(m, "text", text);
    view_add_number(m, "lines", r->count);
    if (r->count && smtp_parse_enhanced(r->lines[0], &e, &rest))
        view_add(m, "enhanced", view_format(m, "%u.%u.%u", e.class, e.subject, e.detail));
    view_show(m, text);
    view_say(m, "%u: %s", r->code,
             r->code < 300   ? "the server agrees"
             : r->code < 400 ? "go on"
             : r->code < 500 ? "not now"
                             : "no");
}

static void settle_tls(struct view_connection *c, unsigned code)
{
    if (c->tls_asked && code == CODE_READY)
        c->protocol = VIEW_TLS;
    c->tls_asked = false;
}

static bool next_of_server(struct view_make *m, struct view_connection *c, struct view_flow *f)
{
    struct smtp_reply reply;
    struct span line;
    size_t taken;
    enum smtp_parsed parsed = smtp_parse_reply(view_stream_span(&f->stream), &reply, &taken);
    if (parsed == SMTP_PARSED) {
        make_reply(m, &reply);
        f->code = reply.code;
        settle_tls(c, reply.code);
    } else if (parsed == SMTP_PARSE_BAD && view_line(view_stream_span(&f->stream), &line, &taken)) {
        view_word(m, VIEW_SMTP, "damaged");
        view_show(m, span_head(line, LINE_FAIL));
    } else {
        return false;
    }
    view_stream_take(&f->stream, 0, taken);
    return true;
}

bool view_smtp_next(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_flow *f = &c->flows[side];
    return side == VIEW_CLIENT ? next_of_client(m, c, f) : next_of_server(m, c, f);
}
