#include "session.h"

#include "text.h"
#include "wire/mime.h"

#include <assert.h>
#include <stdlib.h>

/* A command's parts: sets, sections, search keys. A search of IMAP_KEYS_MAX keys has 100 KiB of them. */
#define COMMAND_CHUNK     4096
#define COMMAND_PARTS_MAX (1024 * 1024)
#define COMMAND_BYTES_MAX (256 * 1024) /* a command's lines and literals, a message for APPEND apart */
#define LOGIN_BYTES_MAX   (16 * 1024)  /* the same as long as nobody has logged in */
#define ERRORS_MAX        20           /* BAD in a row or not; then the session ends */
#define FAILED_LOGINS_MAX 3
#define SHOWN_MAX         128 /* bytes of a command that an event shows */
#define SASL_MAX          (2 * IMAPD_PASSWORD_MAX + 256)

/* One call of imap_session_feed(). */
struct step {
    struct imap_session *s;
    struct now now;
    struct writer *replies;
    enum imap_effect effect;
};

void imap_session_open(struct imap_session *s, const struct imap_settings *settings, struct events *events,
                       const struct endpoint *peer, bool secure)
{
    *s = (struct imap_session){ .settings = settings,
                                .events = events,
                                .peer = *peer,
                                .secure = secure,
                                .state = IMAP_CONNECTED,
                                .line_of = IMAP_NOOP };
    arena_open(&s->memory, COMMAND_CHUNK, COMMAND_PARTS_MAX);
}

void imap_session_close(struct imap_session *s)
{
    arena_close(&s->memory);
    free(s->text.at);
    s->text.at = NULL;
}

static struct span text_of(const struct imap_session *s)
{
    return span_of(s->text.at, s->text.length);
}

/* ---- events -------------------------------------------------------------------------------- */

static bool tell_begin(const struct imap_session *s, struct event *ev, enum event_id id, struct now now)
{
    if (!event_happens(s->events, id))
        return false;
    event_begin(ev, id, now);
    event_endpoint(ev, "peer", &s->peer);
    if (s->user)
        event_text(ev, "user", s->user->name);
    return true;
}

/* Of LOGIN and AUTHENTICATE only the word is shown: what follows is a password. */
static struct span shown(const struct imap_session *s)
{
    const struct imap_command *c = &s->command;
    struct span text = text_of(s);
    if (c->verb == IMAP_LOGIN || c->verb == IMAP_AUTHENTICATE)
        return c->name;
    text = span_from(text, c->tag.len + (c->tag.len > 0));
    text = span_head(text, span_find(text, '\r'));
    return span_head(text, SHOWN_MAX);
}

static void tell_command(const struct imap_session *s, const char *result, struct now now)
{
    struct event ev;
    if (!tell_begin(s, &ev, EVENT_IMAP_COMMAND, now))
        return;
    event_span(&ev, "line", shown(s));
    event_text(&ev, "result", result);
    event_emit(s->events, &ev);
}

static void tell_why(const struct imap_session *s, enum event_id id, const char *reply, struct now now)
{
    struct event ev;
    if (!tell_begin(s, &ev, id, now))
        return;
    event_text(&ev, "reply", reply);
    event_emit(s->events, &ev);
}

/* ---- replies ------------------------------------------------------------------------------- */

static void write_capabilities(const struct imap_session *s, struct writer *w)
{
    bool clear_password = s->settings->allow_plaintext || s->secure;
    write_text(w, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (s->state != IMAP_CONNECTED)
        write_text(w, " NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN");
    else if (!s->secure)
        write_text(w, " STARTTLS");
    if (s->state == IMAP_CONNECTED)
        write_text(w, clear_password ? " AUTH=PLAIN" : " LOGINDISABLED");
}

void imap_session_greet(const struct imap_session *s, struct writer *replies)
{
    write_text(replies, "* OK [CAPABILITY ");
    write_capabilities(s, replies);
    write_format(replies, "] %s is ready\r\n", s->settings->hostname);
}

static void end(struct step *t, const char *why)
{
    write_format(t->replies, "* BYE %s\r\n", why);
    t->s->state = IMAP_ENDED;
    t->effect = IMAP_HANG_UP;
}

/* The tagged reply, and the end of the command. */
static void answer(struct step *t, const char *result, const char *text)
{
    struct span tag = t->s->command.tag;
    if (tag.len > 0)
        write_span(t->replies, tag);
    else
        write_u8(t->replies, '*');
    write_format(t->replies, " %s %s\r\n", result, text);
    tell_command(t->s, result, t->now);
}

static void refuse(struct step *t, const char *text)
{
    answer(t, "BAD", text);
    tell_why(t->s, EVENT_IMAP_BAD_INPUT, text, t->now);
    if (++t->s->errors >= ERRORS_MAX)
        end(t, "Too many errors");
}

/* ---- logging in ------------------------------------------------------------------------------ */

/* Takes as long for a wrong password as for a right one. */
static bool same_secret(struct span a, const char *b)
{
    unsigned different = a.len != strlen(b);
    for (size_t i = 0; b[i]; i++)
        different |= (unsigned)(i < a.len ? a.at[i] : 0) ^ (uint8_t)b[i];
    return different == 0;
}

static const struct imap_user *find_user(const struct imap_session *s, struct span name, struct span password)
{
    for (size_t i = 0; i < s->settings->user_count; i++)
        if (span_is(name, s->settings->users[i].name))
            return same_secret(password, s->settings->users[i].password) ? &s->settings->users[i] : NULL;
    return NULL;
}

static void log_in(struct step *t, struct span name, struct span password)
{
    struct imap_session *s = t->s;
    s->user = find_user(s, name, password);
    if (!s->user) {
        answer(t, "NO", "[AUTHENTICATIONFAILED] No such user, or another password"); /* RFC 5530 */
        tell_why(s, EVENT_IMAP_REJECTED, "no such user, or another password", t->now);
        if (++s->failed_logins >= FAILED_LOGINS_MAX)
            end(t, "Too many failed logins");
        return;
    }
    s->state = IMAP_AUTHENTICATED;
    char text[512];
    struct writer w = writer_over(text, sizeof text);
    write_text(&w, "[CAPABILITY ");
    write_capabilities(s, &w);
    write_text(&w, "] Logged in");
    write_u8(&w, 0);
    answer(t, "OK", text);
    struct event ev;
    if (tell_begin(s, &ev, EVENT_IMAP_LOGIN, t->now))
        event_emit(s->events, &ev);
}

/* RFC 3501 6.2.3: a password is not taken where others may read it. True when it was refused. */
static bool refuse_clear(struct step *t)
{
    if (t->s->secure || t->s->settings->allow_plaintext)
        return false;
    answer(t, "NO", "[PRIVACYREQUIRED] Begin TLS first: STARTTLS");
    tell_why(t->s, EVENT_IMAP_REJECTED, "a login in clear text", t->now);
    return true;
}

/* PLAIN (RFC 4616): authorization identity, NUL, name, NUL, password. */
static void take_plain(struct step *t, struct span base64)
{
    uint8_t room[SASL_MAX];
    struct writer w = writer_over(room, sizeof room);
    bool ok = mime_write_base64_strict(&w, base64);
    struct span all = writer_span(&w);
    struct span as = span_head(all, span_find(all, 0)), rest = span_from(all, as.len + 1);
    struct span name = span_head(rest, span_find(rest, 0));
    if (!ok || !writer_ok(&w) || name.len == rest.len)
        refuse(t, "This is not the base64 of a PLAIN message");
    else if (as.len > 0 && !span_equal(as, name))
        answer(t, "NO", "[AUTHORIZATIONFAILED] Nobody can log in as somebody else");
    else
        log_in(t, name, span_from(rest, name.len + 1));
}

static void authenticate(struct step *t)
{
    const struct imap_command *c = &t->s->command;
    if (refuse_clear(t))
        return;
    if (!span_is_nocase(c->mechanism, "PLAIN")) {
        answer(t, "NO", "[CANNOT] PLAIN is the one mechanism here");
    } else if (c->initial.at) {
        take_plain(t, span_is(c->initial, "=") ? span_text("") : c->initial);
    } else {
        write_text(t->replies, "+ \r\n");
        t->s->line_of = IMAP_AUTHENTICATE;
    }
}

/* ---- commands that need no mailbox ------------------------------------------------------------- */

static void capability(struct step *t)
{
    write_text(t->replies, "* CAPABILITY ");
    write_capabilities(t->s, t->replies);
    write_text(t->replies, "\r\n");
    answer(t, "OK", "Done");
}

static void start_tls(struct step *t)
{
    if (t->s->secure) {
        refuse(t, "TLS is on already");
        return;
    }
    answer(t, "OK", "Begin TLS now");
    t->effect = IMAP_START_TLS;
}

static void log_out(struct step *t)
{
    write_format(t->replies, "* BYE %s ends the session\r\n", t->s->settings->hostname);
    answer(t, "OK", "Done");
    t->s->state = IMAP_ENDED;
    t->effect = IMAP_HANG_UP;
}

static void begin_idle(struct step *t)
{
    write_text(t->replies, "+ Waiting\r\n");
    t->s->line_of = IMAP_IDLE;
    t->effect = IMAP_WATCH;
}

/* False: this command is done with the mailboxes. */
static bool run_here(struct step *t)
{
    const struct imap_command *c = &t->s->command;
    switch (c->verb) {
    case IMAP_CAPABILITY:
        capability(t);
        return true;
    case IMAP_NOOP:
        if (t->s->state == IMAP_SELECTED)
            return false;
        answer(t, "OK", "Done");
        return true;
    case IMAP_LOGOUT:
        log_out(t);
        return true;
    case IMAP_ID:
        write_text(t->replies, "* ID (\"name\" \"wirelab\")\r\n");
        answer(t, "OK", "Done");
        return true;
    case IMAP_STARTTLS:
        start_tls(t);
        return true;
    case IMAP_AUTHENTICATE:
        authenticate(t);
        return true;
    case IMAP_LOGIN:
        if (!refuse_clear(t))
            log_in(t, c->user, c->password);
        return true;
    case IMAP_ENABLE: /* RFC 5161: what is not known is passed over */
        write_text(t->replies, "* ENABLED\r\n");
        answer(t, "OK", "Done");
        return true;
    case IMAP_NAMESPACE: /* RFC 2342 */
        write_format(t->replies, "* NAMESPACE ((\"\" \"%c\")) NIL NIL\r\n", IMAP_DELIMITER);
        answer(t, "OK", "Done");
        return true;
    case IMAP_IDLE:
        begin_idle(t);
        return true;
    default:
        return false;
    }
}

static const char *wrong_state(const struct imap_session *s)
{
    return s->state == IMAP_CONNECTED       ? "Log in first"
           : s->state == IMAP_AUTHENTICATED ? "Select a mailbox first"
                                            : "Not any more";
}

static const char *wrong_state_of(const struct imap_session *s)
{
    bool too_late = s->command.states == IMAP_CONNECTED;
    return too_late ? "You have logged in already" : wrong_state(s);
}

static void run(struct step *t)
{
    struct imap_session *s = t->s;
    struct span text = text_of(s);
    arena_reset(&s->memory);
    enum imap_reading reading = imap_read_command(span_head(text, text.len - 2), &s->memory, &s->command);
    if (reading == IMAP_NO_TAG)
        refuse(t, "A command begins with a tag and has a name");
    else if (reading == IMAP_NO_COMMAND)
        refuse(t, "There is no such command");
    else if (reading == IMAP_MALFORMED)
        refuse(t, "The command has other arguments than these");
    else if (!(s->command.states & s->state))
        refuse(t, wrong_state_of(s));
    else if (s->command.search.bad_charset)
        answer(t, "NO", "[BADCHARSET (US-ASCII UTF-8)] Not in this character set");
    else if (!run_here(t))
        t->effect = s->waiting = IMAP_PERFORM;
}

/* ---- lines that belong to a command that began ---------------------------------------------------- */

static void take_line(struct step *t, struct span line)
{
    enum imap_verb verb = t->s->line_of;
    line = span_head(line, line.len - 2);
    t->s->line_of = IMAP_NOOP;
    if (verb == IMAP_IDLE) {
        t->effect = IMAP_UNWATCH;
        if (span_is_nocase(line, "DONE"))
            answer(t, "OK", "Done");
        else
            refuse(t, "IDLE ends with DONE");
        if (t->s->state == IMAP_ENDED)
            t->effect = IMAP_HANG_UP;
    } else if (span_is(line, "*")) {
        answer(t, "BAD", "Not any more, as you wish"); /* RFC 3501 6.2.2 */
    } else {
        take_plain(t, line);
    }
}

/* ---- collecting -------------------------------------------------------------------------------- */

static uint64_t bytes_max(const struct imap_session *s)
{
    if (s->state == IMAP_CONNECTED)
        return LOGIN_BYTES_MAX;
    uint64_t message = imap_is_append(text_of(s)) ? s->settings->message_bytes_max : 0;
    return COMMAND_BYTES_MAX + message;
}

static bool make_room(struct imap_session *s, uint64_t more)
{
    size_t need = s->text.length + (size_t)more;
    if (need <= s->text.room)
        return true;
    uint8_t *at = realloc(s->text.at, need + IMAP_LINE_MAX);
    if (!at)
        return false;
    s->text.at = at;
    s->text.room = need + IMAP_LINE_MAX;
    return true;
}

static void forget_text(struct imap_session *s)
{
    if (s->text.room > COMMAND_BYTES_MAX) { /* a message was in it */
        free(s->text.at);
        s->text.at = NULL;
        s->text.room = 0;
    }
    s->text.length = 0;
}

/* The command so far has a tag; what is wrong with it is answered under that. `line`: what came last. */
static void name_command(struct imap_session *s, struct span line)
{
    struct reader r = reader_over(s->text.length > 0 ? text_of(s) : line);
    s->command = (struct imap_command){ .tag = imap_read_tag(&r), .verb = IMAP_LOGIN };
    if (!reader_ok(&r))
        s->command.tag = span_text("");
}

/* A literal is announced: it is asked for, or refused (RFC 7888 4). */
static void begin_literal(struct step *t, const struct imap_line *line)
{
    struct imap_session *s = t->s;
    uint64_t most = bytes_max(s);
    if (line->literal_bytes <= most && s->text.length + line->literal_bytes <= most &&
        make_room(s, line->literal_bytes)) {
        s->literal_left = line->literal_bytes;
        if (line->synchronizing)
            write_text(t->replies, "+ Go on\r\n");
        return;
    }
    name_command(s, line->text);
    if (line->synchronizing) {
        answer(t, "NO", "[TOOBIG] Not so much"); /* RFC 4469 */
        tell_why(s, EVENT_IMAP_REJECTED, "a literal is too large", t->now);
        s->errors++;
        forget_text(s);
    } else {
        tell_why(s, EVENT_IMAP_BAD_INPUT, "a literal that does not wait is too large", t->now);
        end(t, "A literal is too large");
    }
}

/* What is no line is refused once; its rest up to the next CRLF is never looked at. */
static void refuse_token(struct step *t, enum imap_token token, struct span text, uint8_t end)
{
    if (t->s->skipping)
        return;
    t->s->skipping = token == IMAP_LONG || end != '\n';
    name_command(t->s, text);
    refuse(t, token == IMAP_LONG ? "The line is too long" : "A line ends with CR and LF, and has no NUL");
    forget_text(t->s);
}

static void take_command_line(struct step *t, const struct imap_line *line)
{
    struct imap_session *s = t->s;
    if (s->text.length + line->text.len > bytes_max(s) || !make_room(s, line->text.len)) {
        end(t, "The command is too long");
        return;
    }
    memcpy(s->text.at + s->text.length, line->text.at, line->text.len);
    s->text.length += line->text.len;
    if (line->literal) {
        begin_literal(t, line);
        return;
    }
    run(t);
    if (s->waiting == IMAP_NOTHING && s->line_of == IMAP_NOOP)
        forget_text(s);
}

static size_t feed_line(struct step *t, struct span in)
{
    struct imap_session *s = t->s;
    struct imap_line line;
    size_t taken;
    enum imap_token token = imap_split(in, &line, &taken);
    if (token == IMAP_MORE)
        return 0;
    if (token != IMAP_LINE) {
        refuse_token(t, token, line.text, in.at[taken - 1]);
    } else if (s->skipping) {
        s->skipping = false;
    } else if (s->line_of != IMAP_NOOP) {
        take_line(t, line.text);
        if (s->line_of == IMAP_NOOP)
            forget_text(s);
    } else {
        take_command_line(t, &line);
    }
    return taken;
}

static size_t feed_literal(struct imap_session *s, struct span in)
{
    size_t n = in.len < s->literal_left ? in.len : (size_t)s->literal_left;
    assert(s->text.length + n <= s->text.room);
    memcpy(s->text.at + s->text.length, in.at, n);
    s->text.length += n;
    s->literal_left -= n;
    return n;
}

/* ---- the doors --------------------------------------------------------------------------------- */

struct imap_turn imap_session_feed(struct imap_session *s, struct span in, struct now now,
                                   struct writer *replies)
{
    struct step t = { .s = s, .now = now, .replies = replies };
    size_t taken = 0;
    while (taken < in.len && t.effect == IMAP_NOTHING && s->waiting == IMAP_NOTHING &&
           s->state != IMAP_ENDED && writer_room(replies) >= IMAP_SESSION_REPLY_MAX) {
        struct span rest = span_from(in, taken);
        size_t n = s->literal_left > 0 ? feed_literal(s, rest) : feed_line(&t, rest);
        taken += n;
        if (n == 0)
            break;
    }
    return (struct imap_turn){ t.effect, s->state == IMAP_ENDED ? in.len : taken };
}

void imap_session_performed(struct imap_session *s, bool selected, const char *result, struct now now)
{
    assert(s->waiting == IMAP_PERFORM);
    s->waiting = IMAP_NOTHING;
    s->state = selected ? IMAP_SELECTED : IMAP_AUTHENTICATED;
    tell_command(s, result, now);
    forget_text(s);
}

void imap_session_farewell(struct imap_session *s, enum imap_farewell why, struct writer *replies)
{
    static const char *const words[] = { [IMAP_TIMEOUT] = "Nothing came for too long",
                                         [IMAP_SHUTDOWN] = "The server ends",
                                         [IMAP_CROWDED] = "Too many connections, come again later" };
    s->state = IMAP_ENDED;
    write_format(replies, "* BYE %s\r\n", words[why]);
}
