#include "view_make.h"

#include "text.h"

#define WORD_MAX 24

static struct span next_word(struct span *rest)
{
    size_t end = span_find(*rest, ' ');
    struct span word = span_head(*rest, end);
    *rest = span_from(*rest, end + 1);
    return word;
}

/* In capitals; empty when it is not made of letters. */
static const char *capitals(struct span word, char *into)
{
    into[0] = 0;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = ascii_lower(word.at[i]);
        if (word.len >= WORD_MAX || c < 'a' || c > 'z') {
            into[0] = 0;
            return into;
        }
        into[i] = (char)(c - 'a' + 'A');
        into[i + 1] = 0;
    }
    return into;
}

/* "{310}" or "{310+}" at the end of a line: so many bytes follow it (RFC 9051 4.3). */
static bool literal_bytes(struct span line, uint64_t *bytes)
{
    if (line.len < 3 || line.at[line.len - 1] != '}')
        return false;
    size_t end = line.len - 1, open = end;
    while (open && line.at[open - 1] != '{') /* each turn goes a byte back */
        open--;
    struct span digits = span_head(span_from(line, open), end - open);
    if (digits.len && digits.at[digits.len - 1] == '+')
        digits.len--;
    return open && parse_decimal(digits, UINT32_MAX, bytes);
}

static void add_literals(struct view_make *m, const struct view_flow *f)
{
    if (!f->body)
        return;
    view_add_number(m, "bytes", f->body);
    view_show_format(m, "%llu bytes", (unsigned long long)f->body);
}

/* ---- commands ---------------------------------------------------------------------------------------------
 */

static void note_tls(struct view_connection *c, struct span tag)
{
    if (tag.len > sizeof c->tag)
        return;
    c->tls_asked = true;
    c->tag_length = tag.len;
    memcpy(c->tag, tag.at, tag.len);
}

static void make_command(struct view_make *m, struct view_connection *c, struct span line)
{
    char word[WORD_MAX];
    struct span rest = line, tag = next_word(&rest);
    if (!rest.len) { /* what was asked for by "+": DONE, or the proof of who it is */
        bool done = span_is_nocase(tag, "DONE");
        view_word(m, VIEW_IMAP, done ? "DONE" : "credentials");
        if (!done)
            view_show_format(m, "%zu bytes", line.len);
        return;
    }
    struct span command = next_word(&rest);
    bool uid = span_is_nocase(command, "UID");
    if (uid)
        command = next_word(&rest);
    capitals(command, word);
    view_word(m, VIEW_IMAP, word[0] ? word : "command");
    if (uid)
        m->message.word = view_format(m, "UID-%s", word);
    view_add(m, "tag", tag);
    view_add(m, "argument", rest);
    view_show(m, word[0] ? rest : line);
    view_say(m, "%.*s: a command of the client, tag %.*s", SPAN(m->message.word), SPAN(tag));
    if (strcmp(word, "STARTTLS") == 0)
        note_tls(c, tag);
}

/* ---- responses
 * ---------------------------------------------------------------------------------------------- */

static void make_response(struct view_make *m, struct view_connection *c, struct span line)
{
    char word[WORD_MAX];
    struct span rest = line, tag = next_word(&rest);
    uint64_t number;
    if (span_is(tag, "+")) {
        view_word(m, VIEW_IMAP, "+");
        view_add(m, "text", rest);
        view_show(m, rest);
        view_say(m, "+: go on");
        return;
    }
    struct span first = next_word(&rest);
    bool numbered = parse_decimal(first, UINT32_MAX, &number);
    capitals(numbered ? next_word(&rest) : first, word);
    view_word(m, VIEW_IMAP, word[0] ? word : "response");
    view_add(m, "tag", tag);
    if (numbered)
        view_add_number(m, "number", number);
    view_add(m, "text", rest);
    if (numbered)
        view_show_format(m, "%llu%s%.*s", (unsigned long long)number, rest.len ? " " : "", SPAN(rest));
    else
        view_show(m, word[0] ? rest : line);
    bool tagged = !span_is(tag, "*");
    view_say(m, tagged ? "%s: the answer to the command with tag %.*s" : "%s: the server tells", word,
             SPAN(tag));
    if (tagged && c->tls_asked && span_equal(tag, span_of(c->tag, c->tag_length))) {
        c->tls_asked = false;
        if (strcmp(word, "OK") == 0)
            c->protocol = VIEW_TLS;
    }
}

/* ---- lines and literals
 * --------------------------------------------------------------------------------------- */

/* A line that stands behind a literal, or all of the message: then *whole is set. The first line stays in the
 * stream until then. False: no line is there. */
static bool take_line(struct view_flow *f, bool *whole)
{
    struct span line;
    size_t taken;
    uint64_t bytes;
    if (!view_line(span_from(view_stream_span(&f->stream), f->held), &line, &taken))
        return false;
    *whole = !literal_bytes(line, &bytes);
    if (f->held)
        view_stream_take(&f->stream, f->held, taken);
    else
        f->held = taken;
    if (!*whole) {
        f->left = bytes;
        f->state = VIEW_STATE_BODY;
    }
    return true;
}

/* False: more of it must come. */
static bool take_literal(struct view_flow *f)
{
    size_t there = f->stream.length - f->held;
    size_t n = f->left < there ? (size_t)f->left : there;
    view_stream_take(&f->stream, f->held, n);
    f->left -= n;
    f->body += n;
    if (f->left)
        return false;
    f->state = VIEW_STATE_START;
    return true;
}

bool view_imap_next(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_flow *f = &c->flows[side];
    struct span line;
    size_t taken;
    bool whole = false, moved = true;
    while (!whole && moved && f->stream.length > f->held) { /* each turn takes a line or a literal's bytes */
        bool literal = f->state == VIEW_STATE_BODY;
        moved = literal ? take_literal(f) : take_line(f, &whole);
    }
    if (!whole || !view_line(view_stream_span(&f->stream), &line, &taken))
        return false;
    if (side == VIEW_CLIENT)
        make_command(m, c, line);
    else
        make_response(m, c, line);
    add_literals(m, f);
    view_stream_take(&f->stream, 0, f->held);
    f->held = 0;
    f->body = 0;
    return true;
}
