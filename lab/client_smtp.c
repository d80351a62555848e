/* A message sent as a mail client sends it (RFC 5321 3.3), with SIZE (RFC 1870), PIPELINING (RFC 2920) and
 * STARTTLS (RFC 3207); without `from` a session of commands alone. */
#include "client.h"

#include "text.h"
#include "wire/smtp.h"

#define SMTP_PORT       25
#define TEXT_PIECE      (64 * 1024) /* of the message in one call, where segments are nobody's business */
#define TEXT_END_BYTES  5           /* CRLF "." CRLF */
#define SEGMENT_MAX     TEXT_PIECE
#define WORDS_OF_A_PATH 8 /* the path and its parameters */

enum smtp_at {
    AT_GREETING,
    AT_HELLO,
    AT_STARTTLS,
    AT_TLS,
    AT_COMMAND,
    AT_MAIL,
    AT_RECIPIENT,
    AT_DATA,
    AT_TEXT, /* goes out; nothing is to be heard */
    AT_STORED,
    AT_QUIT
};

struct client_smtp {
    struct client client;
    enum smtp_at at; /* the reply that is waited for */
    bool secured, offers_size, offers_pipelining, offers_starttls, offers_8bit;
    bool ahead;          /* MAIL to DATA went out together */
    bool given_up;       /* a refusal that was expected: what can still be refused does not matter */
    bool seen;           /* the expected code */
    struct span text;    /* as it is sent, up to the final dot */
    size_t message_size; /* RFC 1870 5: without what transparency adds */
    bool is_8bit;
    size_t sent;      /* of text */
    size_t command;   /* which line of the step comes next */
    size_t recipient; /* which one is asked for */
    size_t accepted;  /* recipients */
};

/* ---- what is sent -----------------------------------------------------------------------------------------
 */

static bool is_command_line(const struct client_setting *s)
{
    return strcmp(s->key->name, "command") == 0 || strcmp(s->key->name, "vrfy") == 0;
}

static void write_words(struct writer *out, const struct client_setting *s, size_t from)
{
    for (size_t i = from; i < s->word_count; i++) {
        if (i > from)
            write_u8(out, ' ');
        write_span(out, s->words[i]);
    }
}

/* The next line that is a command of its own; false when there is none left. */
static bool write_command(struct client_smtp *s, struct writer *out)
{
    while (s->command < s->client.setting_count) {
        const struct client_setting *line = &s->client.settings[s->command++];
        if (!is_command_line(line))
            continue;
        write_text(out, line->key->name[0] == 'v' ? "VRFY " : "");
        write_words(out, line, 0);
        write_text(out, "\r\n");
        return true;
    }
    return false;
}

/* In its brackets, whether it is written with or without; then its parameters. */
static void write_path(struct writer *out, const char *before, const struct client_setting *s)
{
    bool bare = !span_starts(s->words[0], "<");
    write_text(out, before);
    write_text(out, bare ? "<" : "");
    write_span(out, s->words[0]);
    write_text(out, bare ? ">" : "");
    if (s->word_count > 1)
        write_u8(out, ' ');
    write_words(out, s, 1);
}

static void write_mail(const struct client_smtp *s, struct writer *out)
{
    const struct client_setting *from = client_setting(&s->client, "from", 0);
    write_path(out, "MAIL FROM:", from);
    if (s->offers_size && !client_says_no(&s->client, "size")) {
        write_text(out, " SIZE=");
        write_decimal(out, s->message_size);
    }
    if (s->is_8bit && s->offers_8bit && from->word_count == 1)
        write_text(out, " BODY=8BITMIME"); /* RFC 6152 3 */
    write_text(out, "\r\n");
}

static const struct client_setting *recipient(const struct client_smtp *s, size_t n)
{
    return client_setting(&s->client, "to", n);
}

static void write_recipient(struct writer *out, const struct client_setting *to)
{
    write_path(out, "RCPT TO:", to);
    write_text(out, "\r\n");
}

static enum client_wish hello(struct client_smtp *s, struct writer *out)
{
    s->at = AT_HELLO;
    write_text(out, "EHLO ");
    write_span(out, client_word(&s->client, "hello", ""));
    write_text(out, "\r\n");
    return CLIENT_WAIT;
}

static enum client_wish quit(struct client_smtp *s, struct writer *out)
{
    s->at = AT_QUIT;
    write_text(out, "QUIT\r\n");
    return CLIENT_WAIT;
}

static enum client_wish mail(struct client_smtp *s, struct writer *out)
{
    const struct client_setting *to;
    if (!client_setting(&s->client, "from", 0))
        return quit(s, out);
    s->at = AT_MAIL;
    s->ahead = s->offers_pipelining && client_setting(&s->client, "pipelining", 0);
    write_mail(s, out);
    for (size_t i = 0; s->ahead && (to = recipient(s, i)); i++) /* ends: with the step's lines */
        write_recipient(out, to);
    if (s->ahead)
        write_text(out, "DATA\r\n");
    return CLIENT_WAIT;
}

static enum client_wish commands(struct client_smtp *s, struct writer *out)
{
    s->at = AT_COMMAND;
    return write_command(s, out) ? CLIENT_WAIT : mail(s, out);
}

/* The next recipient, or DATA. */
static enum client_wish recipients(struct client_smtp *s, struct writer *out)
{
    const struct client_setting *to = recipient(s, s->recipient);
    s->at = to ? AT_RECIPIENT : AT_DATA;
    if (s->ahead)
        return CLIENT_WAIT;
    if (!to && s->accepted == 0)
        return quit(s, out);
    if (to)
        write_recipient(out, to);
    else
        write_text(out, "DATA\r\n");
    return CLIENT_WAIT;
}

static enum client_wish end_text(struct client_smtp *s, struct writer *out)
{
    s->at = AT_STORED;
    write_text(out, ".\r\n");
    if (s->ahead)
        write_text(out, "QUIT\r\n");
    return CLIENT_WAIT;
}

/* The next piece of the message. With `segment-bytes` each has its segment, and so has the final dot. */
static enum client_wish send_text(struct client_smtp *s, struct writer *out)
{
    uint64_t segment = client_number(&s->client, "segment-bytes", 0);
    struct span piece = span_head(span_from(s->text, s->sent), segment ? segment : TEXT_PIECE);
    s->at = AT_TEXT;
    write_span(out, piece);
    s->sent += piece.len;
    if (piece.len && (segment || s->sent < s->text.len))
        return CLIENT_AGAIN;
    return end_text(s, out);
}

/* RFC 2920 3.1: a DATA that went ahead may be taken although nobody is left to send to; then nothing is sent.
 */
static enum client_wish data(struct client_smtp *s, bool good, struct writer *out)
{
    if (!good)
        return quit(s, out);
    if (s->given_up || s->accepted == 0)
        return end_text(s, out);
    return send_text(s, out);
}

/* ---- replies ----------------------------------------------------------------------------------------------
 */

static void take_offers(struct client_smtp *s, const struct smtp_reply *reply)
{
    s->offers_size = s->offers_pipelining = s->offers_starttls = s->offers_8bit = false;
    for (size_t i = 1; i < reply->count; i++) { /* the first is the server's name */
        struct span keyword = span_head(reply->lines[i], span_find(reply->lines[i], ' '));
        s->offers_size |= span_is_nocase(keyword, "SIZE");
        s->offers_pipelining |= span_is_nocase(keyword, "PIPELINING");
        s->offers_starttls |= span_is_nocase(keyword, "STARTTLS");
        s->offers_8bit |= span_is_nocase(keyword, "8BITMIME");
    }
}

static enum client_wish greeted(struct client_smtp *s, const struct smtp_reply *reply, struct writer *out)
{
    take_offers(s, reply);
    if (s->secured || !client_setting(&s->client, "starttls", 0))
        return commands(s, out);
    if (!s->offers_starttls)
        return client_fail(&s->client, "tls = TLS in the server's configuration",
                           "the server does not offer STARTTLS");
    s->at = AT_STARTTLS;
    write_text(out, "STARTTLS\r\n");
    return CLIENT_WAIT;
}

static enum client_wish finish(struct client_smtp *s)
{
    uint64_t expected = client_number(&s->client, "expect-code", 0);
    if (expected && !s->seen)
        return client_fail(&s->client, "leave expect-code out when nothing is to be refused",
                           "no reply had the code %u", (unsigned)expected);
    return CLIENT_DONE;
}

/* What comes after a reply that was good, or bad as expected. */
static enum client_wish go_on(struct client_smtp *s, const struct smtp_reply *reply, bool good,
                              struct writer *out)
{
    switch (s->at) {
    case AT_GREETING:
        return good ? hello(s, out) : quit(s, out);
    case AT_HELLO:
        return good ? greeted(s, reply, out) : quit(s, out);
    case AT_STARTTLS:
        s->at = good ? AT_TLS : AT_STARTTLS;
        return good ? CLIENT_TLS : quit(s, out);
    case AT_COMMAND:
        return commands(s, out);
    case AT_MAIL:
        return good || s->ahead ? recipients(s, out) : quit(s, out);
    case AT_RECIPIENT:
        s->recipient++;
        s->accepted += good;
        return recipients(s, out);
    case AT_DATA:
        return data(s, good, out);
    case AT_STORED:
        s->at = AT_QUIT;
        return s->ahead ? CLIENT_WAIT : quit(s, out);
    case AT_QUIT:
        return finish(s);
    case AT_TLS:
    case AT_TEXT:
        break;
    }
    return client_fail(&s->client, "look at the capture", "the server spoke out of turn");
}

static enum client_wish refused(struct client_smtp *s, const struct smtp_reply *reply)
{
    static const char *const what[] = { [AT_GREETING] = "the connection",
                                        [AT_HELLO] = "EHLO",
                                        [AT_STARTTLS] = "STARTTLS",
                                        [AT_TLS] = "TLS",
                                        [AT_COMMAND] = "a command",
                                        [AT_MAIL] = "MAIL",
                                        [AT_RECIPIENT] = "RCPT",
                                        [AT_DATA] = "DATA",
                                        [AT_TEXT] = "the message",
                                        [AT_STORED] = "the message",
                                        [AT_QUIT] = "QUIT" };
    const struct client_setting *to = recipient(s, s->recipient);
    struct span whom = s->at == AT_RECIPIENT && to ? to->words[0] : span_text("");
    return client_refused(&s->client, "the server's events say why; expect-code makes a refusal the aim",
                          reply->lines[0], "the server refused %s%s%.*s with %u", what[s->at],
                          whom.len ? " " : "", (int)whom.len, (const char *)whom.at, reply->code);
}

static enum client_wish take_reply(struct client_smtp *s, const struct smtp_reply *reply, struct writer *out)
{
    bool good = s->at == AT_DATA ? reply->code / 100 == 3 : reply->code / 100 == 2;
    bool expected = reply->code == client_number(&s->client, "expect-code", 0);
    s->seen |= expected;
    if (!good && !expected && !s->given_up)
        return refused(s, reply);
    if (!good && s->at != AT_COMMAND && s->at != AT_RECIPIENT)
        s->given_up = true;
    return go_on(s, reply, good, out);
}

static enum client_wish take_bytes(struct client_smtp *s, struct span in, size_t *taken, struct writer *out)
{
    enum client_wish wish = s->at == AT_TEXT ? CLIENT_AGAIN : CLIENT_WAIT;
    struct smtp_reply reply;
    size_t n;
    while (wish == CLIENT_WAIT || wish == CLIENT_AGAIN) { /* ends: each reply takes bytes */
        struct span left = span_from(in, *taken);
        enum smtp_parsed parsed = smtp_parse_reply(left, &reply, &n);
        if (parsed == SMTP_PARSE_MORE)
            return wish;
        if (parsed == SMTP_PARSE_BAD)
            return client_refused(&s->client, "look at the capture", left,
                                  "what the server said is no reply of SMTP");
        *taken += n;
        wish = take_reply(s, &reply, out);
    }
    return wish;
}

/* ---- the step ---------------------------------------------------------------------------------------------
 */

/* RFC 5321 4.5.2: all of it with its dots doubled, so that it can be cut anywhere. */
static bool encode(struct client_smtp *s, struct span message)
{
    size_t most = 2 * message.len + TEXT_END_BYTES; /* each byte may be doubled */
    uint8_t *room = arena_alloc_bytes(s->client.arena, most);
    struct writer w = writer_over(room, room ? most : 0);
    struct smtp_dot_encoder e = { 0 };
    for (size_t done = 0; room && done < message.len;) { /* ends: the encoder stops for want of room alone */
        size_t n = smtp_dot_encode(&e, span_from(message, done), &w);
        if (n == 0)
            return false;
        done += n;
    }
    smtp_dot_finish(&e, &w);
    if (!writer_ok(&w))
        return false;
    s->text = span_head(writer_span(&w), writer_length(&w) - 3);
    s->message_size = s->text.len;
    for (size_t i = 0; i < s->text.len; i++) {
        s->is_8bit |= s->text.at[i] >= 0x80;
        if (s->text.at[i] == '.' && (i == 0 || s->text.at[i - 1] == '\n'))
            s->message_size--;
    }
    return true;
}

static enum client_wish begin(struct client_smtp *s)
{
    struct client *c = &s->client;
    const struct client_setting *message = client_setting(c, "message", 0);
    const struct client_setting *file = client_setting(c, "message-file", 0);
    bool from = client_setting(c, "from", 0) != NULL, to = recipient(s, 0) != NULL;
    if (!client_find_server(c, SMTP_PORT))
        return client_fail(c, "server 172.16.16.221", "the server is no address");
    if (from != to || from != (message || file) || (message && file))
        return client_fail(c, "give from, to, and message or message-file; or none of them",
                           "a message needs a sender, a recipient and one text");
    if (from && !encode(s, message ? message->bytes : file->bytes))
        return client_fail(c, "send a shorter one", "there is no room for the message");
    if (client_setting(c, "tls-name", 0))
        c->tls_name = arena_text(c->arena, client_word(c, "tls-name", ""));
    return CLIENT_CONNECT;
}

static const char *fault(const struct client *c)
{
    static const char *const faults[] = { [AT_GREETING] = "no greeting",
                                          [AT_HELLO] = "no answer to EHLO",
                                          [AT_STARTTLS] = "no answer to STARTTLS",
                                          [AT_TLS] = "TLS did not begin",
                                          [AT_COMMAND] = "no answer to a command",
                                          [AT_MAIL] = "no answer to MAIL",
                                          [AT_RECIPIENT] = "no answer to RCPT",
                                          [AT_DATA] = "no answer to DATA",
                                          [AT_TEXT] = "the message is not sent yet",
                                          [AT_STORED] = "no answer to the message",
                                          [AT_QUIT] = "no answer to QUIT" };
    return faults[((const struct client_smtp *)c)->at];
}

static enum client_wish happen(struct client_smtp *s, enum client_event event, struct span in, size_t *taken,
                               struct writer *out)
{
    switch (event) {
    case CLIENT_BEGIN:
        return begin(s);
    case CLIENT_SECURED:
        s->secured = true;
        return hello(s, out);
    case CLIENT_SENT:
        return s->at == AT_TEXT ? send_text(s, out) : CLIENT_WAIT;
    case CLIENT_BYTES:
        return take_bytes(s, in, taken, out);
    case CLIENT_CLOSED:
        return client_fail(&s->client, "the server's events say why", "the server ended the connection: %s",
                           fault(&s->client));
    case CLIENT_CONNECTED:
    case CLIENT_DUE:
        break;
    }
    return CLIENT_WAIT;
}

static enum client_wish step(struct client *c, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out)
{
    (void)now;
    return client_written(c, out, happen((struct client_smtp *)c, event, in, taken, out));
}

/* ---- lines ------------------------------------------------------------------------------------------------
 */

static bool is_path(struct span word, bool reverse)
{
    uint8_t room[SMTP_PATH_MAX + 3];
    struct writer w = writer_over(room, sizeof room);
    struct smtp_path path;
    bool bare = !span_starts(word, "<");
    write_text(&w, bare ? "<" : "");
    write_span(&w, word);
    write_text(&w, bare ? ">" : "");
    struct reader r = reader_over(writer_span(&w));
    return writer_ok(&w) &&
           (reverse ? smtp_read_reverse_path(&r, &path) : smtp_read_forward_path(&r, &path)) &&
           reader_done(&r);
}

static bool is_reverse_path(const struct span *words, size_t count)
{
    return count >= 1 && is_path(words[0], true);
}

static bool is_forward_path(const struct span *words, size_t count)
{
    return count >= 1 && is_path(words[0], false);
}

static bool is_segment(const struct span *words, size_t count)
{
    uint64_t v;
    return count == 1 && parse_decimal(words[0], SEGMENT_MAX, &v) && v > 0;
}

static bool is_code(const struct span *words, size_t count)
{
    uint64_t v;
    return count == 1 && parse_decimal(words[0], 599, &v) && v >= 200;
}

static const struct client_key keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, client_is_endpoint, "server 172.16.16.221",
      "whom to send to; port 25 where none is given" },
    { "hello", CLIENT_VALUE_WORDS, 1, 1, true, false, NULL, "hello [172.16.16.225]",
      "what the client calls itself in EHLO" },
    { "starttls", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "starttls", "goes on under TLS" },
    { "tls-name", CLIENT_VALUE_WORDS, 1, 1, false, false, NULL, "tls-name mail01",
      "the name that the server's certificate must have; else its address" },
    { "vrfy", CLIENT_VALUE_WORDS, 1, 1, false, true, NULL, "vrfy sanders", "asks for a mailbox before MAIL" },
    { "command", CLIENT_VALUE_WORDS, 1, CLIENT_WORDS_MAX, false, true, NULL, "command NOOP",
      "a command to be sent before MAIL" },
    { "pipelining", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "pipelining",
      "MAIL, RCPT and DATA go out together, and QUIT with the message, when the server offers it" },
    { "size", CLIENT_VALUE_WORDS, 1, 1, false, false, client_is_yes_no, "size no",
      "whether MAIL tells the size when the server offers it; else yes" },
    { "from", CLIENT_VALUE_WORDS, 1, WORDS_OF_A_PATH, false, false, is_reverse_path,
      "from sanders@skynet.local", "the sender, <> for none; parameters of MAIL may follow" },
    { "to", CLIENT_VALUE_WORDS, 1, WORDS_OF_A_PATH, false, true, is_forward_path,
      "to sanders@cyberdyne.local", "a recipient; parameters of RCPT may follow" },
    { "message", CLIENT_VALUE_BLOCK, 0, 0, false, false, NULL, "message",
      "the message: head, empty line, text" },
    { "message-file", CLIENT_VALUE_FILE, 1, 1, false, false, NULL, "message-file help.eml",
      "a file with the message" },
    { "segment-bytes", CLIENT_VALUE_WORDS, 1, 1, false, false, is_segment, "segment-bytes 4096",
      "the message goes out in segments of this size, and its final dot in one of its own" },
    { "expect-code", CLIENT_VALUE_WORDS, 1, 1, false, false, is_code, "expect-code 554",
      "a reply that must come; as a refusal it ends the step well" },
};

const struct client_type client_smtp_send = {
    .word = "smtp-send",
    .meaning = "sends a message, or commands, to a mail server",
    .keys = keys,
    .key_count = sizeof keys / sizeof *keys,
    .bytes = sizeof(struct client_smtp),
    .step = step,
    .fault = fault,
};
