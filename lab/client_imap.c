/* A session with a mailbox (RFC 3501, RFC 9051): the step's commands one after the other, LOGIN before the
 * first that needs it, messages put in (APPEND) or waited for (IDLE, RFC 2177), and LOGOUT. */
#include "client.h"

#include "text.h"

#define IMAP_PORT      143
#define IMAPS_PORT     993
#define LINE_BYTES_MAX (64 * 1024) /* of a response, literals apart */
#define TEXT_PIECE     (64 * 1024) /* of a message in one call */

struct client_imap {
    struct client client;
    enum {
        AT_GREETING,
        AT_ANSWER,   /* the tagged response is waited for */
        AT_READY,    /* "+", and then the message of APPEND */
        AT_TEXT,     /* it goes out */
        AT_IDLE,     /* "+" of IDLE */
        AT_MESSAGES, /* idling */
        AT_TLS
    } at;
    unsigned tag;     /* of the last command */
    struct span verb; /* its first word */
    size_t line;      /* the step's next one */
    size_t append;    /* messages that were appended */
    bool logged_in;
    uint64_t exists;       /* messages in the mailbox that is selected */
    uint64_t awaited;      /* by wait-exists */
    bool within;           /* a response goes on behind its literal */
    uint64_t literal_left; /* bytes of it to pass over */
    struct span text;      /* of APPEND */
    size_t sent;           /* of it */
};

static bool is_line(const struct client_setting *s, const char *key)
{
    return strcmp(s->key->name, key) == 0;
}

static const struct client_setting *action(const struct client_imap *i)
{
    size_t at = i->line;
    for (; at < i->client.setting_count; at++) {
        const struct client_setting *s = &i->client.settings[at];
        if (is_line(s, "command") || is_line(s, "append") || is_line(s, "wait-exists"))
            return s;
    }
    return NULL;
}

/* ---- what is sent -----------------------------------------------------------------------------------------
 */

static void write_quoted(struct writer *out, struct span s)
{
    write_u8(out, '"');
    for (size_t at = 0; at < s.len; at++) {
        if (s.at[at] == '"' || s.at[at] == '\\')
            write_u8(out, '\\');
        write_u8(out, s.at[at]);
    }
    write_u8(out, '"');
}

/* The scenario's reader took the quotes away: what cannot be one word without them gets them back. */
static void write_word(struct writer *out, struct span s)
{
    if (s.len == 0 || span_find(s, ' ') < s.len)
        write_quoted(out, s);
    else
        write_span(out, s);
}

static void write_words(struct writer *out, const struct client_setting *s)
{
    for (size_t at = 0; at < s->word_count; at++) {
        write_u8(out, ' ');
        write_word(out, s->words[at]);
    }
}

static void write_tag(struct client_imap *i, struct writer *out, struct span verb)
{
    i->at = AT_ANSWER;
    i->verb = verb;
    write_decimal(out, ++i->tag);
}

static enum client_wish send_verb(struct client_imap *i, struct writer *out, const char *verb)
{
    write_tag(i, out, span_text(verb));
    write_u8(out, ' ');
    write_text(out, verb);
    write_text(out, "\r\n");
    return CLIENT_WAIT;
}

static enum client_wish login(struct client_imap *i, struct writer *out)
{
    const struct client_setting *user = client_setting(&i->client, "user", 0);
    write_tag(i, out, span_text("LOGIN"));
    write_text(out, " LOGIN ");
    write_quoted(out, user->words[0]);
    write_u8(out, ' ');
    write_quoted(out, user->words[1]);
    write_text(out, "\r\n");
    return CLIENT_WAIT;
}

static enum client_wish send_command(struct client_imap *i, const struct client_setting *s,
                                     struct writer *out)
{
    write_tag(i, out, s->words[0]);
    if (span_is_nocase(i->verb, "SELECT") || span_is_nocase(i->verb, "EXAMINE"))
        i->exists = 0;
    write_words(out, s);
    write_text(out, "\r\n");
    return CLIENT_WAIT;
}

/* The n-th message, from the step or from a file; NULL: there are not so many. */
static const struct client_setting *message(const struct client_imap *i, size_t n)
{
    for (size_t at = 0; at < i->client.setting_count; at++) {
        const struct client_setting *s = &i->client.settings[at];
        if ((is_line(s, "message") || is_line(s, "message-file")) && n-- == 0)
            return s;
    }
    return NULL;
}

/* With CRLF at its line ends, as RFC 9051 6.3.12 has it; files have LF alone. */
static bool take_text(struct client_imap *i, struct span bytes)
{
    size_t most = 2 * bytes.len;
    uint8_t *room = arena_alloc_bytes(i->client.arena, most);
    struct writer w = writer_over(room, room ? most : 0);
    for (size_t at = 0; room && at < bytes.len; at++) {
        if (bytes.at[at] == '\n' && (at == 0 || bytes.at[at - 1] != '\r'))
            write_u8(&w, '\r');
        write_u8(&w, bytes.at[at]);
    }
    i->text = writer_span(&w);
    i->sent = 0;
    return room != NULL;
}

static enum client_wish append(struct client_imap *i, const struct client_setting *s, struct writer *out)
{
    const struct client_setting *m = message(i, i->append++);
    if (!m)
        return client_fail(&i->client, "give a message or message-file for each append",
                           "there is no message to append");
    if (!take_text(i, m->bytes))
        return client_fail(&i->client, "append a shorter one", "there is no room for the message");
    write_tag(i, out, span_text("APPEND"));
    write_text(out, " APPEND");
    write_words(out, s);
    write_text(out, " {");
    write_decimal(out, i->text.len);
    write_text(out, "}\r\n");
    i->at = AT_READY;
    return CLIENT_WAIT;
}

static enum client_wish send_text(struct client_imap *i, struct writer *out)
{
    struct span piece = span_head(span_from(i->text, i->sent), TEXT_PIECE);
    i->at = AT_TEXT;
    write_span(out, piece);
    i->sent += piece.len;
    if (i->sent < i->text.len)
        return CLIENT_AGAIN;
    i->at = AT_ANSWER;
    write_text(out, "\r\n"); /* the command's end */
    return CLIENT_WAIT;
}

static enum client_wish idle_over(struct client_imap *i, struct writer *out)
{
    if (i->exists < i->awaited)
        return CLIENT_WAIT;
    i->at = AT_ANSWER;
    write_text(out, "DONE\r\n");
    return CLIENT_WAIT;
}

/* ---- what comes next --------------------------------------------------------------------------------------
 */

static bool logs_in_itself(const struct client_imap *i)
{
    const struct client_setting *s;
    for (size_t n = 0; (s = client_setting(&i->client, "command", n)); n++) /* ends: with the step's lines */
        if (span_is_nocase(s->words[0], "LOGIN") || span_is_nocase(s->words[0], "AUTHENTICATE"))
            return true;
    return false;
}

/* RFC 9051 6.1, 6.2: what can be said before LOGIN; NULL is the end of the step. */
static bool needs_login(const struct client_imap *i, const struct client_setting *s)
{
    static const char *const free_of_it[] = { "CAPABILITY", "NOOP", "ID", "STARTTLS", "LOGOUT" };
    if (i->logged_in || !client_setting(&i->client, "user", 0) || logs_in_itself(i))
        return false;
    for (size_t n = 0; s && is_line(s, "command") && n < sizeof free_of_it / sizeof *free_of_it; n++)
        if (span_is_nocase(s->words[0], free_of_it[n]))
            return false;
    return true;
}

static enum client_wish go_on(struct client_imap *i, struct writer *out)
{
    const struct client_setting *s;
    while ((s = action(i))) { /* ends: with the step's lines */
        if (needs_login(i, s))
            return login(i, out);
        i->line = (size_t)(s - i->client.settings) + 1;
        if (is_line(s, "command"))
            return send_command(i, s, out);
        if (is_line(s, "append"))
            return append(i, s, out);
        parse_decimal(s->words[0], UINT32_MAX, &i->awaited);
        if (i->exists < i->awaited) {
            send_verb(i, out, "IDLE");
            i->at = AT_IDLE;
            return CLIENT_WAIT;
        }
    }
    return needs_login(i, NULL) ? login(i, out) : send_verb(i, out, "LOGOUT");
}

/* ---- responses --------------------------------------------------------------------------------------------
 */

static struct span next_word(struct span *line)
{
    size_t end = span_find(*line, ' ');
    struct span word = span_head(*line, end);
    *line = span_from(*line, end + 1);
    return word;
}

static enum client_wish out_of_turn(struct client_imap *i, struct span line)
{
    return client_refused(&i->client, "look at the capture", line, "the server spoke out of turn");
}

/* What the command brought: OK, or NO or BAD with the server's words. */
static enum client_wish take_tagged(struct client_imap *i, struct span line, struct writer *out)
{
    struct span rest = line, word = next_word(&rest);
    if (!span_is_nocase(word, "OK"))
        return client_refused(&i->client, "the server's events say more", line,
                              "the server did not do command %u, %.*s", i->tag, (int)i->verb.len,
                              (const char *)i->verb.at);
    if (i->at != AT_ANSWER)
        return out_of_turn(i, line);
    if (span_is_nocase(i->verb, "LOGOUT"))
        return CLIENT_DONE;
    if (span_is_nocase(i->verb, "STARTTLS")) {
        i->at = AT_TLS;
        return CLIENT_TLS;
    }
    i->logged_in |= span_is(i->verb, "LOGIN");
    return go_on(i, out);
}

static enum client_wish take_greeting(struct client_imap *i, struct span line, struct writer *out)
{
    struct span rest = line, word = next_word(&rest);
    if (!span_is_nocase(word, "OK") && !span_is_nocase(word, "PREAUTH"))
        return client_refused(&i->client, "the server's events say why", line, "the server did not greet");
    i->logged_in = span_is_nocase(word, "PREAUTH");
    return go_on(i, out);
}

static enum client_wish take_untagged(struct client_imap *i, struct span line, struct writer *out)
{
    struct span rest = line, first = next_word(&rest), second = next_word(&rest);
    uint64_t number;
    if (i->at == AT_GREETING)
        return take_greeting(i, line, out);
    if (span_is_nocase(first, "BYE") && !span_is_nocase(i->verb, "LOGOUT"))
        return client_refused(&i->client, "the server's events say why", line,
                              "the server ended the session");
    if (!parse_decimal(first, UINT32_MAX, &number))
        return CLIENT_WAIT;
    if (span_is_nocase(second, "EXISTS"))
        i->exists = number;
    else if (span_is_nocase(second, "EXPUNGE") && i->exists)
        i->exists--;
    return i->at == AT_MESSAGES ? idle_over(i, out) : CLIENT_WAIT;
}

static enum client_wish take_continuation(struct client_imap *i, struct span line, struct writer *out)
{
    if (i->at == AT_READY)
        return send_text(i, out);
    if (i->at != AT_IDLE)
        return out_of_turn(i, line);
    i->at = AT_MESSAGES;
    return idle_over(i, out);
}

/* What people are told has no literals, whatever it ends in (RFC 9051 7.1). */
static bool is_told(struct span response)
{
    static const char *const words[] = { "OK", "NO", "BAD", "BYE", "PREAUTH" };
    struct span word = next_word(&response);
    for (size_t n = 0; n < sizeof words / sizeof *words; n++)
        if (span_is_nocase(word, words[n]))
            return true;
    return false;
}

/* "{310}" at the end of the line: so many bytes follow its CRLF. */
static bool has_literal(struct span line, uint64_t *bytes)
{
    if (line.len == 0 || line.at[line.len - 1] != '}')
        return false;
    size_t end = line.len - 1, at = end;
    while (at > 0 && line.at[at - 1] != '{')
        at--;
    return at > 0 && parse_decimal(span_from(span_head(line, end), at), UINT32_MAX, bytes);
}

static enum client_wish take_line(struct client_imap *i, struct span line, struct writer *out)
{
    bool begins = !i->within;
    struct span rest = line, tag = next_word(&rest);
    uint64_t number;
    bool data = !begins || (span_is(tag, "*") && !is_told(rest));
    i->within = data && has_literal(line, &i->literal_left);
    if (!begins)
        return CLIENT_WAIT;
    if (span_is(tag, "*"))
        return take_untagged(i, rest, out);
    if (span_is(tag, "+"))
        return take_continuation(i, rest, out);
    if (!parse_decimal(tag, UINT32_MAX, &number) || number != i->tag)
        return out_of_turn(i, line);
    return take_tagged(i, rest, out);
}

/* The next line without its CRLF. False: there is none yet, or *wrong says what it has instead. */
static bool next_line(struct reader *in, struct span *line, const char **wrong)
{
    static const bool ends[256] = { ['\n'] = true };
    struct reader r = *in;
    *line = read_until(&r, ends);
    if (line->len > LINE_BYTES_MAX)
        *wrong = "a line is too long";
    else if (reader_left(&r) && (line->len == 0 || line->at[line->len - 1] != '\r'))
        *wrong = "a line ends without CR";
    if (*wrong || reader_left(&r) == 0)
        return false;
    read_skip(&r, 1);
    line->len--;
    *in = r;
    return true;
}

static enum client_wish take_bytes(struct client_imap *i, struct span in, size_t *taken, struct writer *out)
{
    struct reader r = reader_over(in);
    enum client_wish wish = i->at == AT_TEXT ? CLIENT_AGAIN : CLIENT_WAIT;
    while (wish == CLIENT_WAIT || wish == CLIENT_AGAIN) { /* ends: each line takes bytes */
        struct span line;
        const char *wrong = NULL;
        size_t skip = i->literal_left < reader_left(&r) ? (size_t)i->literal_left : reader_left(&r);
        read_skip(&r, skip);
        i->literal_left -= skip;
        *taken = reader_offset(&r);
        if (i->literal_left || (!next_line(&r, &line, &wrong) && !wrong))
            return wish;
        if (wrong)
            return client_fail(&i->client, "look at the capture", "the response is malformed: %s", wrong);
        *taken = reader_offset(&r);
        wish = take_line(i, line, out);
    }
    return wish;
}

/* ---- the step ---------------------------------------------------------------------------------------------
 */

static enum client_wish begin(struct client_imap *i)
{
    struct client *c = &i->client;
    if (!client_find_server(c, client_setting(c, "tls", 0) ? IMAPS_PORT : IMAP_PORT))
        return client_fail(c, "server 172.16.16.231", "the server is no address");
    if (client_setting(c, "tls-name", 0))
        c->tls_name = arena_text(c->arena, client_word(c, "tls-name", ""));
    return CLIENT_CONNECT;
}

static const char *fault(const struct client *c)
{
    const struct client_imap *i = (const struct client_imap *)c;
    static const char *const faults[] = {
        [AT_GREETING] = "no greeting",      [AT_ANSWER] = "no answer to a command",
        [AT_READY] = "no answer to APPEND", [AT_TEXT] = "the message is not sent yet",
        [AT_IDLE] = "no answer to IDLE",    [AT_MESSAGES] = "the messages that are waited for did not come",
        [AT_TLS] = "TLS did not begin"
    };
    if (i->at == AT_ANSWER && span_is_nocase(i->verb, "LOGIN"))
        return "no answer to LOGIN";
    if (i->at == AT_ANSWER && span_is_nocase(i->verb, "LOGOUT"))
        return "no answer to LOGOUT";
    return faults[i->at];
}

static enum client_wish happen(struct client_imap *i, enum client_event event, struct span in, size_t *taken,
                               struct writer *out)
{
    switch (event) {
    case CLIENT_BEGIN:
        return begin(i);
    case CLIENT_CONNECTED:
        return client_setting(&i->client, "tls", 0) ? CLIENT_TLS : CLIENT_WAIT;
    case CLIENT_SECURED:
        return i->at == AT_TLS ? go_on(i, out) : CLIENT_WAIT;
    case CLIENT_SENT:
        return i->at == AT_TEXT ? send_text(i, out) : CLIENT_WAIT;
    case CLIENT_BYTES:
        return take_bytes(i, in, taken, out);
    case CLIENT_CLOSED:
        return client_fail(&i->client, "the server's events say why", "the server ended the connection: %s",
                           fault(&i->client));
    case CLIENT_DUE:
        break;
    }
    return CLIENT_WAIT;
}

static enum client_wish step(struct client *c, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out)
{
    (void)now;
    return client_written(c, out, happen((struct client_imap *)c, event, in, taken, out));
}

/* ---- lines ------------------------------------------------------------------------------------------------
 */

/* RFC 9051 9, quoted: printable ASCII. */
static bool are_printable(const struct span *words, size_t count)
{
    for (size_t n = 0; n < count; n++)
        for (size_t at = 0; at < words[n].len; at++)
            if (words[n].at[at] < ' ' || words[n].at[at] > '~')
                return false;
    return count > 0;
}

static const struct client_key keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, client_is_endpoint, "server 172.16.16.231",
      "whom to ask; port 143, or 993 with tls, where none is given" },
    { "tls", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "tls", "TLS from the start" },
    { "tls-name", CLIENT_VALUE_WORDS, 1, 1, false, false, NULL, "tls-name mail02.cyberdyne.local",
      "the name that the server's certificate must have; else its address" },
    { "user", CLIENT_VALUE_WORDS, 2, 2, false, false, are_printable, "user sanders secret",
      "name and password for LOGIN, before the first command that needs it" },
    { "command", CLIENT_VALUE_WORDS, 1, CLIENT_WORDS_MAX, false, true, NULL, "command SELECT INBOX",
      "a command without its tag; TLS follows STARTTLS; LOGOUT comes by itself at the end" },
    { "append", CLIENT_VALUE_WORDS, 1, CLIENT_WORDS_MAX, false, true, NULL, "append Sent",
      "puts a message into this mailbox; flags may follow. The first takes the first message, and so on" },
    { "message", CLIENT_VALUE_BLOCK, 0, 0, false, true, NULL, "message", "a message for append" },
    { "message-file", CLIENT_VALUE_FILE, 1, 1, false, true, NULL, "message-file help.eml",
      "a file with a message for append" },
    { "wait-exists", CLIENT_VALUE_WORDS, 1, 1, false, true, client_is_number, "wait-exists 1",
      "waits (IDLE) until the selected mailbox has so many messages" },
};

const struct client_type client_imap = {
    .word = "imap",
    .meaning = "works with a mailbox",
    .keys = keys,
    .key_count = sizeof keys / sizeof *keys,
    .bytes = sizeof(struct client_imap),
    .step = step,
    .fault = fault,
};
