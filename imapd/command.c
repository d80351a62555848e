#include "command.h"

typedef void read_fn(struct imap_command *c, struct reader *r, struct arena *a);

static void read_login(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->user = imap_read_astring(r, a);
    imap_read_space(r);
    c->password = imap_read_astring(r, a);
}

static void read_authenticate(struct imap_command *c, struct reader *r, struct arena *a)
{
    (void)a;
    c->mechanism = imap_read_atom(r);
    if (imap_take(r, ' '))
        c->initial = read_rest(r); /* base64, or "=" for nothing (RFC 4959 3) */
}

/* What a client says of itself, or asks to be told: nothing here depends on it. */
static void read_any(struct imap_command *c, struct reader *r, struct arena *a)
{
    (void)c;
    (void)a;
    read_rest(r);
}

static void read_mailbox(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->mailbox = imap_read_mailbox(r, a);
}

/* A delimiter at the end says that names will be made below it (RFC 3501 6.3.3): any mailbox can have some.
 */
static void read_create(struct imap_command *c, struct reader *r, struct arena *a)
{
    struct span name = imap_read_astring(r, a);
    if (name.len > 1 && name.at[name.len - 1] == IMAP_DELIMITER)
        name.len--;
    if (reader_ok(r) && !imap_name_is_good(name))
        reader_fail(r);
    c->mailbox = span_is_nocase(name, "INBOX") ? span_text("INBOX") : name;
}

static void read_two_mailboxes(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->mailbox = imap_read_mailbox(r, a);
    imap_read_space(r);
    c->to = imap_read_mailbox(r, a);
}

/* A reference in front of the pattern is part of it (RFC 3501 6.3.8). */
static void read_list(struct imap_command *c, struct reader *r, struct arena *a)
{
    struct span reference = imap_read_astring(r, a);
    imap_read_space(r);
    struct span pattern = imap_read_pattern(r, a);
    size_t room = reference.len + pattern.len;
    uint8_t *bytes = arena_alloc_bytes(a, room + 1);
    struct writer w = writer_over(bytes, bytes ? room : 0);
    write_span(&w, reference);
    write_span(&w, pattern);
    if (!writer_ok(&w))
        reader_fail(r);
    c->mailbox = reference;
    c->pattern = pattern.len > 0 ? writer_span(&w) : pattern;
}

static void read_status(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->mailbox = imap_read_mailbox(r, a);
    imap_read_space(r);
    c->status = imap_read_status_items(r);
}

static void read_append(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->mailbox = imap_read_mailbox(r, a);
    imap_read_space(r);
    if (reader_peek(r) == '(') {
        c->flags = imap_read_flags(r, false);
        imap_read_space(r);
    }
    c->has_date = reader_peek(r) == '"';
    if (c->has_date) {
        c->date_s = imap_read_date_time(r);
        imap_read_space(r);
    }
    if (reader_peek(r) != '{')
        reader_fail(r);
    c->text = imap_read_string(r, a);
}

static void read_expunge(struct imap_command *c, struct reader *r, struct arena *a)
{
    if (!c->uid)
        return;
    imap_read_space(r);
    c->set = imap_read_set(r, a);
}

static void read_search(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->search = imap_read_search(r, a);
}

static void read_fetch(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->set = imap_read_set(r, a);
    imap_read_space(r);
    c->fetch = imap_read_fetch(r, a);
}

static void read_store(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->set = imap_read_set(r, a);
    imap_read_space(r);
    c->mode = imap_take(r, '+') ? IMAP_STORE_ADD : imap_take(r, '-') ? IMAP_STORE_REMOVE : IMAP_STORE_SET;
    struct span word = imap_read_word(r);
    c->silent = span_is_nocase(word, "FLAGS.SILENT");
    if (!c->silent && !span_is_nocase(word, "FLAGS"))
        reader_fail(r);
    imap_read_space(r);
    c->flags = imap_read_flags(r, true);
}

static void read_copy(struct imap_command *c, struct reader *r, struct arena *a)
{
    c->set = imap_read_set(r, a);
    imap_read_space(r);
    c->to = imap_read_mailbox(r, a);
}

#define ANY  (IMAP_CONNECTED | IMAP_AUTHENTICATED | IMAP_SELECTED)
#define USER (IMAP_AUTHENTICATED | IMAP_SELECTED)

/* `read` NULL: no arguments. */
static const struct row {
    const char *name;
    enum imap_verb verb;
    unsigned states;
    bool by_uid; /* UID may stand in front */
    read_fn *read;
} rows[] = {
    { "CAPABILITY", IMAP_CAPABILITY, ANY, false, NULL },
    { "NOOP", IMAP_NOOP, ANY, false, NULL },
    { "LOGOUT", IMAP_LOGOUT, ANY, false, NULL },
    { "ID", IMAP_ID, ANY, false, read_any },
    { "STARTTLS", IMAP_STARTTLS, IMAP_CONNECTED, false, NULL },
    { "AUTHENTICATE", IMAP_AUTHENTICATE, IMAP_CONNECTED, false, read_authenticate },
    { "LOGIN", IMAP_LOGIN, IMAP_CONNECTED, false, read_login },
    { "ENABLE", IMAP_ENABLE, USER, false, read_any },
    { "NAMESPACE", IMAP_NAMESPACE, USER, false, NULL },
    { "IDLE", IMAP_IDLE, USER, false, NULL },
    { "SELECT", IMAP_SELECT, USER, false, read_mailbox },
    { "EXAMINE", IMAP_EXAMINE, USER, false, read_mailbox },
    { "CREATE", IMAP_CREATE, USER, false, read_create },
    { "DELETE", IMAP_DELETE, USER, false, read_mailbox },
    { "RENAME", IMAP_RENAME, USER, false, read_two_mailboxes },
    { "SUBSCRIBE", IMAP_SUBSCRIBE, USER, false, read_mailbox },
    { "UNSUBSCRIBE", IMAP_UNSUBSCRIBE, USER, false, read_mailbox },
    { "LIST", IMAP_LIST, USER, false, read_list },
    { "LSUB", IMAP_LSUB, USER, false, read_list },
    { "STATUS", IMAP_STATUS, USER, false, read_status },
    { "APPEND", IMAP_APPEND, USER, false, read_append },
    { "CHECK", IMAP_CHECK, IMAP_SELECTED, false, NULL },
    { "CLOSE", IMAP_CLOSE, IMAP_SELECTED, false, NULL },
    { "UNSELECT", IMAP_UNSELECT, IMAP_SELECTED, false, NULL },
    { "EXPUNGE", IMAP_EXPUNGE, IMAP_SELECTED, true, read_expunge },
    { "SEARCH", IMAP_SEARCH, IMAP_SELECTED, true, read_search },
    { "FETCH", IMAP_FETCH, IMAP_SELECTED, true, read_fetch },
    { "STORE", IMAP_STORE, IMAP_SELECTED, true, read_store },
    { "COPY", IMAP_COPY, IMAP_SELECTED, true, read_copy },
    { "MOVE", IMAP_MOVE, IMAP_SELECTED, true, read_copy },
};

static const struct row *find(struct span name, bool uid)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (span_is_nocase(name, rows[i].name) && (!uid || rows[i].by_uid))
            return &rows[i];
    return NULL;
}

static struct span read_name(struct reader *r, struct imap_command *out)
{
    struct span name = imap_read_word(r);
    out->uid = span_is_nocase(name, "UID") && imap_take(r, ' ');
    return out->uid ? imap_read_word(r) : name;
}

enum imap_reading imap_read_command(struct span text, struct arena *a, struct imap_command *out)
{
    struct reader r = reader_over(text);
    *out = (struct imap_command){ .tag = imap_read_tag(&r) };
    imap_read_space(&r);
    if (!reader_ok(&r))
        return IMAP_NO_TAG;
    out->name = read_name(&r, out);
    const struct row *row = reader_ok(&r) ? find(out->name, out->uid) : NULL;
    if (!row)
        return IMAP_NO_COMMAND;
    out->verb = row->verb;
    out->states = row->states;
    if (row->read && row->read != read_expunge)
        imap_read_space(&r);
    if (row->read)
        row->read(out, &r, a);
    return reader_done(&r) || out->search.bad_charset ? IMAP_READ : IMAP_MALFORMED;
}

bool imap_is_append(struct span text)
{
    struct reader r = reader_over(text);
    imap_read_tag(&r);
    imap_read_space(&r);
    struct span name = imap_read_word(&r);
    return reader_ok(&r) && span_is_nocase(name, "APPEND");
}
