#include "verbs.h"

#include "route.h"
#include "text.h"

#define IN(state)   (1u << SMTP_##state)
#define ALWAYS      (IN(CONNECTED) | IN(GREETED) | IN(MAIL) | IN(RCPT))
#define SIZE_DIGITS 20 /* RFC 1870 6.1 */

/* ---- checks ------------------------------------------------------------------------------ */

static bool no_argument(struct smtp_step *t, struct verb_arguments *a)
{
    if (a->text.len == 0)
        return true;
    step_reply(t, 501, "5.5.4", "This command has no argument");
    return false;
}

static bool any_argument(struct smtp_step *t, struct verb_arguments *a)
{
    (void)t;
    (void)a;
    return true;
}

static bool an_argument(struct smtp_step *t, struct verb_arguments *a)
{
    if (a->text.len > 0)
        return true;
    step_reply(t, 501, "5.5.4", "An argument is missing");
    return false;
}

/* RFC 5321 4.1.1.1. Names with "_" are no domain names and come all the same from machines that are called
 * so. */
static bool is_helo_name(struct span s)
{
    uint8_t name[SMTP_DOMAIN_MAX];
    if (s.len == 0 || s.len > sizeof name)
        return false;
    for (size_t i = 0; i < s.len; i++)
        name[i] = s.at[i] == '_' ? 'x' : s.at[i];
    return smtp_is_domain(span_of(name, s.len)) || smtp_is_address_literal(s);
}

static bool helo_check(struct smtp_step *t, struct verb_arguments *a)
{
    if (is_helo_name(a->text))
        return true;
    step_reply(t, 501, "5.5.4", "Syntax: EHLO or HELO, then a host name or an [address]");
    return false;
}

/* ---- parameters of MAIL and RCPT --------------------------------------------------------- */

static bool size_param(struct smtp_step *t, struct span value, struct verb_arguments *a)
{
    (void)a;
    uint64_t size, most = t->s->settings->message_bytes_max;
    if (value.len > SIZE_DIGITS || !parse_decimal(value, UINT64_MAX, &size)) {
        step_reply(t, 501, "5.5.4", "SIZE is a number of octets");
        return false;
    }
    if (size <= most)
        return true;
    step_reply(t, 552, "5.3.4", "A message may have %llu octets at most", (unsigned long long)most);
    return false;
}

static bool one_of(struct smtp_step *t, struct span value, const char *first, const char *second,
                   bool *is_second)
{
    *is_second = span_is_nocase(value, second);
    if (*is_second || span_is_nocase(value, first))
        return true;
    step_reply(t, 501, "5.5.4", "The parameter is %s or %s", first, second);
    return false;
}

static bool body_param(struct smtp_step *t, struct span value, struct verb_arguments *a)
{
    return one_of(t, value, "7BIT", "8BITMIME", &a->body_8bit);
}

static bool ret_param(struct smtp_step *t, struct span value, struct verb_arguments *a)
{
    bool header = false;
    if (!one_of(t, value, "FULL", "HDRS", &header))
        return false;
    a->ret = header ? SMTP_RET_HDRS : SMTP_RET_FULL;
    return true;
}

static bool is_xtext(struct span value)
{
    uint8_t room[SMTP_ORCPT_MAX];
    struct writer w = writer_over(room, sizeof room);
    return smtp_read_xtext(value, &w);
}

static bool envid_param(struct smtp_step *t, struct span value, struct verb_arguments *a)
{
    a->envid = value;
    if (value.len > 0 && value.len <= SMTP_ENVID_MAX && is_xtext(value))
        return true;
    step_reply(t, 501, "5.5.4", "ENVID has 1 to %d characters, of xtext", SMTP_ENVID_MAX);
    return false;
}

static bool orcpt_param(struct smtp_step *t, struct span value, struct verb_arguments *a)
{
    size_t type = span_find(value, ';');
    a->orcpt = value;
    if (type > 0 && type + 1 < value.len && value.len <= SMTP_ORCPT_MAX &&
        is_xtext(span_from(value, type + 1)))
        return true;
    step_reply(t, 501, "5.5.4", "Syntax: ORCPT=type;address, the address as xtext");
    return false;
}

static bool notify_param(struct smtp_step *t, struct span value, struct verb_arguments *a)
{
    if (smtp_parse_notify(value, &a->notify))
        return true;
    step_reply(t, 501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS, FAILURE, DELAY");
    return false;
}

enum param_of { OF_MAIL, OF_RCPT };

static const struct param {
    const char *keyword;
    enum param_of of;
    enum smtp_extension offer;
    bool (*check)(struct smtp_step *t, struct span value, struct verb_arguments *a);
} params[] = {
    { "SIZE", OF_MAIL, SMTP_OFFER_SIZE, size_param },    { "BODY", OF_MAIL, SMTP_OFFER_8BITMIME, body_param },
    { "RET", OF_MAIL, SMTP_OFFER_DSN, ret_param },       { "ENVID", OF_MAIL, SMTP_OFFER_DSN, envid_param },
    { "NOTIFY", OF_RCPT, SMTP_OFFER_DSN, notify_param }, { "ORCPT", OF_RCPT, SMTP_OFFER_DSN, orcpt_param },
};

#define PARAMS (sizeof params / sizeof params[0])

static bool param_check(struct smtp_step *t, enum param_of of, const struct smtp_param *p, unsigned *seen,
                        struct verb_arguments *a)
{
    for (size_t i = 0; i < PARAMS; i++) {
        bool there = params[i].of == of && t->s->extended && (t->s->settings->offered & params[i].offer);
        if (!there || !span_is_nocase(p->keyword, params[i].keyword))
            continue;
        if (*seen & 1u << i) {
            step_reply(t, 501, "5.5.4", "%s is there twice", params[i].keyword);
            return false;
        }
        *seen |= 1u << i;
        return params[i].check(t, p->value, a);
    }
    step_reply(t, 555, "5.5.4", "Unsupported parameter");
    return false;
}

static bool params_check(struct smtp_step *t, enum param_of of, struct reader *r, struct verb_arguments *a)
{
    unsigned seen = 0;
    for (;;) { /* each turn takes a parameter from the line, or ends */
        struct smtp_param p;
        switch (smtp_read_param(r, &p)) {
        case SMTP_PARAM_END:
            return true;
        case SMTP_PARAM_BAD:
            step_reply(t, 501, "5.5.4", "Parameters are KEYWORD or KEYWORD=value, with a space before each");
            return false;
        case SMTP_PARAM:
            if (!param_check(t, of, &p, &seen, a))
                return false;
        }
    }
}

/* "FROM:" or "TO:"; spaces behind the colon are against RFC 5321 3.3 and come from people who type. */
static bool take_word(struct reader *r, const char *word)
{
    struct reader ahead = *r;
    bool there = span_is_nocase(read_span(&ahead, strlen(word)), word);
    while (there && reader_left(&ahead) > 0) {
        *r = ahead;
        if (read_u8(&ahead) != ' ')
            return true;
    }
    return false;
}

static bool mail_check(struct smtp_step *t, struct verb_arguments *a)
{
    struct reader r = reader_over(a->text);
    if (!take_word(&r, "FROM:")) {
        step_reply(t, 501, "5.5.4", "Syntax: MAIL FROM:<address>");
        return false;
    }
    if (!smtp_read_reverse_path(&r, &a->path)) {
        step_reply(t, 501, "5.1.7", "Bad sender address syntax");
        return false;
    }
    return params_check(t, OF_MAIL, &r, a);
}

static bool rcpt_check(struct smtp_step *t, struct verb_arguments *a)
{
    struct reader r = reader_over(a->text);
    if (!take_word(&r, "TO:")) {
        step_reply(t, 501, "5.5.4", "Syntax: RCPT TO:<address>");
        return false;
    }
    if (!smtp_read_forward_path(&r, &a->path)) {
        step_reply(t, 501, "5.1.3", "Bad recipient address syntax");
        return false;
    }
    return params_check(t, OF_RCPT, &r, a);
}

/* ---- what the commands do ---------------------------------------------------------------- */

static void greeted(struct smtp_step *t, const struct verb_arguments *a, bool extended)
{
    struct smtp_session *s = t->s;
    memcpy(s->helo, a->text.at, a->text.len); /* helo_check() has bounded it */
    s->helo[a->text.len] = '\0';
    s->extended = extended;
    session_become(s, SMTP_GREETED);
}

static void helo(struct smtp_step *t, const struct verb_arguments *a)
{
    greeted(t, a, false);
    step_reply(t, 250, NULL, "%s", t->s->settings->hostname);
}

static void write_offer(struct smtp_step *t, const struct smtp_offer *o, bool last)
{
    char line[SMTP_REPLY_LINE_MAX];
    struct writer w = writer_over(line, sizeof line);
    write_text(&w, o->line);
    if (o->extension == SMTP_OFFER_SIZE && span_is_nocase(span_text(o->line), "SIZE"))
        write_format(&w, " %llu", (unsigned long long)t->s->settings->message_bytes_max);
    smtp_write_reply_line(t->replies, 250, last, writer_span(&w));
}

static bool is_offered_now(const struct smtp_session *s, const struct smtp_offer *o)
{
    return o->extension != SMTP_OFFER_STARTTLS || !s->secure; /* RFC 3207 4.2 */
}

static void ehlo(struct smtp_step *t, const struct verb_arguments *a)
{
    const struct smtp_settings *settings = t->s->settings;
    const struct smtp_offer *last = NULL;
    greeted(t, a, true);
    for (size_t i = 0; i < settings->offer_count; i++)
        if (is_offered_now(t->s, &settings->offers[i]))
            last = &settings->offers[i];
    t->code = 250;
    smtp_write_reply_line(t->replies, t->code, last == NULL, span_text(settings->hostname));
    for (size_t i = 0; i < settings->offer_count; i++)
        if (is_offered_now(t->s, &settings->offers[i]))
            write_offer(t, &settings->offers[i], &settings->offers[i] == last);
}

/* A copy of the address in the memory of the transaction; at == NULL when there is none left. */
static struct span keep_address(struct smtp_session *s, const struct smtp_path *p)
{
    uint8_t room[2 * SMTP_PATH_MAX]; /* every character of a local part may need a backslash */
    struct writer w = writer_over(room, sizeof room);
    smtp_write_mailbox(&w, smtp_path_local(p), p->domain);
    return writer_ok(&w) ? arena_copy(&s->memory, writer_span(&w)) : span_of(NULL, 0);
}

/* Parameters outlive their line in the memory of the transaction. */
static bool keep_param(struct smtp_session *s, struct span value, struct span *out)
{
    *out = value.len > 0 ? arena_copy(&s->memory, value) : span_text("");
    return out->at != NULL;
}

static void mail(struct smtp_step *t, const struct verb_arguments *a)
{
    struct smtp_session *s = t->s;
    struct span envid, sender = a->path.null ? span_text("") : keep_address(s, &a->path);
    if (!sender.at || !keep_param(s, a->envid, &envid)) {
        step_reply(t, 452, "4.3.1", "No memory now, try again later");
        return;
    }
    session_become(s, SMTP_MAIL);
    s->envelope =
        (struct smtp_envelope){ .sender = sender, .ret = a->ret, .envid = envid, .body_8bit = a->body_8bit };
    step_reply(t, 250, "2.1.0", "Ok");
}

static bool is_same_recipient(const struct smtp_recipient *a, const struct smtp_recipient *b)
{
    if (a->target.domain || b->target.domain)
        return a->target.domain == b->target.domain && a->target.mailbox == b->target.mailbox;
    size_t at = span_find(a->address, '@'); /* only the domain is without case (RFC 5321 2.4) */
    return span_equal_nocase(a->address, b->address) &&
           span_equal(span_head(a->address, at), span_head(b->address, at));
}

/* False when the recipient is there already: it gets the message once. */
static bool is_new_recipient(const struct smtp_session *s, const struct smtp_recipient *new)
{
    for (const struct smtp_recipient *r = s->envelope.recipients; r; r = r->next) /* at most recipients_max */
        if (is_same_recipient(r, new))
            return false;
    return true;
}

static void add_recipient(struct smtp_step *t, const struct verb_arguments *a,
                          const struct policy_target *target)
{
    struct smtp_session *s = t->s;
    struct smtp_recipient new = { .target = *target,
                                  .notify = a->notify,
                                  .address = keep_address(s, &a->path) };
    if (new.address.at && is_new_recipient(s, &new)) {
        struct smtp_recipient *r = arena_alloc(&s->memory, sizeof *r);
        if (s->envelope.recipient_count >= s->settings->recipients_max || !r ||
            !keep_param(s, a->orcpt, &new.orcpt)) {
            step_reply(t, 452, "4.5.3", "Too many recipients; send the message again for the others");
            return;
        }
        *r = new;
        r->next = s->envelope.recipients;
        s->envelope.recipients = r;
        s->envelope.recipient_count++;
    } else if (!new.address.at) {
        step_reply(t, 452, "4.3.1", "No memory now, try again later");
        return;
    }
    session_become(s, SMTP_RCPT);
    step_reply(t, 250, "2.1.5", "Ok");
}

/* Mail for a domain of others: only from those who may, and only when there is a way. */
static void rcpt_elsewhere(struct smtp_step *t, const struct verb_arguments *a,
                           const struct policy_target *target)
{
    const struct smtp_settings *settings = t->s->settings;
    if (!policy_may_relay(settings, t->s->peer.address))
        step_reply(t, 554, "5.7.1", "Relay access denied: the domain is not one of ours");
    else if (!smtp_route_is_known(settings, &a->path))
        step_reply(t, 554, "5.4.4", "There is no route to the domain");
    else
        add_recipient(t, a, target);
}

static void rcpt(struct smtp_step *t, const struct verb_arguments *a)
{
    struct policy_target target = { NULL, NULL };
    switch (policy_recipient(t->s->settings, &a->path, &target)) {
    case POLICY_ACCEPT:
        add_recipient(t, a, &target);
        break;
    case POLICY_UNKNOWN:
        step_reply(t, 550, "5.1.1", "There is no such mailbox here");
        break;
    case POLICY_NOT_OURS:
    case POLICY_AMBIGUOUS:
        rcpt_elsewhere(t, a, &target);
    }
}

static void wish(struct smtp_step *t, enum smtp_effect effect)
{
    t->effect = t->s->waiting = effect;
}

static void data(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    wish(t, SMTP_BEGIN);
}

static void starttls(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    if (t->s->secure)
        step_reply(t, 503, "5.5.1", "TLS is on already");
    else
        wish(t, SMTP_START_TLS);
}

static void rset(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    session_become(t->s, t->s->state == SMTP_CONNECTED ? SMTP_CONNECTED : SMTP_GREETED);
    step_reply(t, 250, "2.0.0", "Ok");
}

static void noop(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    step_reply(t, 250, "2.0.0", "Ok");
}

/* A mailbox with or without brackets and domain. */
static enum policy_verdict look_up(const struct smtp_settings *s, struct span name, struct policy_target *out)
{
    struct smtp_path p;
    struct reader r = reader_over(name);
    if (smtp_read_mailbox(&r, &p) && reader_done(&r))
        return policy_recipient(s, &p, out);
    r = reader_over(name);
    if (smtp_read_forward_path(&r, &p) && reader_done(&r))
        return policy_recipient(s, &p, out);
    return policy_user(s, name, out);
}

static void vrfy(struct smtp_step *t, const struct verb_arguments *a)
{
    struct policy_target target;
    switch (look_up(t->s->settings, a->text, &target)) {
    case POLICY_ACCEPT:
        step_reply(t, 250, "2.1.5", "<%s@%s>", target.mailbox, target.domain->name);
        break;
    case POLICY_AMBIGUOUS:
        step_reply(t, 553, "5.1.4", "Several domains have that name; ask with the domain");
        break;
    case POLICY_UNKNOWN:
        step_reply(t, 550, "5.1.1", "There is no such mailbox here");
        break;
    case POLICY_NOT_OURS:
        if (policy_may_relay(t->s->settings, t->s->peer.address))
            step_reply(t, 252, "2.0.0", "Mail for it is sent on; only its own server knows more");
        else
            step_reply(t, 550, "5.7.1", "That is not one of our domains");
    }
}

/* For a domain that has a route of its own: that it is tried soon is then no harm (RFC 1985 7). */
static void etrn(struct smtp_step *t, const struct verb_arguments *a)
{
    struct smtp_session *s = t->s;
    struct span domain = a->text.len > 0 && a->text.at[0] == '@' ? span_from(a->text, 1) : a->text;
    const struct smtp_route *route = smtp_route_find(s->settings, domain);
    if (!smtp_is_domain(domain)) {
        step_reply(t, 501, "5.5.4", "Syntax: ETRN domain");
        return;
    }
    if (!route || !route->name[0] || !(s->flush = arena_copy(&s->memory, domain)).at) {
        step_reply(t, 459, "4.7.1", "Nothing is kept here for that domain"); /* RFC 1985 5.1.2 */
        return;
    }
    wish(t, SMTP_FLUSH);
}

static void not_here(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    step_reply(t, 502, "5.5.1", "That command is not implemented here");
}

static void expn(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    step_reply(t, 502, "5.5.1", "Lists are not expanded here");
}

static void quit(struct smtp_step *t, const struct verb_arguments *a)
{
    (void)a;
    session_become(t->s, SMTP_ENDED);
    step_reply(t, 221, "2.0.0", "Bye");
    t->effect = SMTP_HANG_UP;
}

static void help(struct smtp_step *t, const struct verb_arguments *a)
{
    char line[SMTP_REPLY_LINE_MAX];
    struct writer w = writer_over(line, sizeof line);
    (void)a;
    for (size_t i = 0; i < smtp_verb_count; i++) {
        const struct smtp_verb *v = &smtp_verbs[i];
        if (v->act != not_here && v->act != expn && (!v->offer || (t->s->settings->offered & v->offer)))
            write_format(&w, " %s", v->name);
    }
    write_u8(&w, 0);
    step_reply(t, 214, "2.0.0", "RFC 5321:%s", line);
}

/* ---- the table --------------------------------------------------------------------------- */

/* RFC 5321 4.1.4. What may always come has no word about its order. */
const struct smtp_verb smtp_verbs[] = {
    { "EHLO", ALWAYS, 0, helo_check, ehlo, NULL },
    { "HELO", ALWAYS, 0, helo_check, helo, NULL },
    { "MAIL", IN(GREETED), 0, mail_check, mail, "a transaction is open already; RSET ends it" },
    { "RCPT", IN(MAIL) | IN(RCPT), 0, rcpt_check, rcpt, "MAIL comes first" },
    { "DATA", IN(RCPT), 0, no_argument, data, "RCPT comes first" },
    { "RSET", ALWAYS, 0, no_argument, rset, NULL },
    { "NOOP", ALWAYS, 0, any_argument, noop, NULL },
    { "VRFY", ALWAYS, 0, an_argument, vrfy, NULL },
    { "HELP", ALWAYS, 0, any_argument, help, NULL },
    { "QUIT", ALWAYS, 0, no_argument, quit, NULL },
    { "STARTTLS", IN(GREETED), SMTP_OFFER_STARTTLS, no_argument, starttls,
      "a transaction is open; RSET ends it" },
    { "ETRN", IN(GREETED), SMTP_OFFER_ETRN, an_argument, etrn, "a transaction is open; RSET ends it" },
    { "EXPN", ALWAYS, 0, any_argument, expn, NULL },
    { "AUTH", ALWAYS, 0, any_argument, not_here, NULL },
    { "BDAT", ALWAYS, 0, any_argument, not_here, NULL },
    { "SEND", ALWAYS, 0, any_argument, not_here, NULL },
    { "SOML", ALWAYS, 0, any_argument, not_here, NULL },
    { "SAML", ALWAYS, 0, any_argument, not_here, NULL },
    { "TURN", ALWAYS, 0, any_argument, not_here, NULL },
};
const size_t smtp_verb_count = sizeof smtp_verbs / sizeof smtp_verbs[0];

static const struct smtp_verb *find_verb(struct span name)
{
    for (size_t i = 0; i < smtp_verb_count; i++)
        if (span_is_nocase(name, smtp_verbs[i].name))
            return &smtp_verbs[i];
    return NULL;
}

static void refuse_order(struct smtp_step *t, const struct smtp_verb *v)
{
    if (t->s->state == SMTP_CONNECTED)
        step_reply(t, 503, "5.5.1", "EHLO or HELO comes first");
    else if (v->act == data &&
             t->s->state == SMTP_MAIL) /* RFC 5321 3.3: each RCPT was refused, or none came */
        step_reply(t, 554, "5.5.1", "There is no valid recipient");
    else
        step_reply(t, 503, "5.5.1", "Bad sequence: %s", v->out_of_order);
}

void verb_run(struct smtp_step *t, struct span line)
{
    struct smtp_command command = smtp_parse_command(line);
    const struct smtp_verb *v = find_verb(command.verb);
    struct verb_arguments a = { .text = command.argument };
    if (!v)
        step_reply(t, 500, "5.5.2", "That is no command; HELP lists them");
    else if (v->offer && !(t->s->settings->offered & v->offer))
        not_here(t, &a);
    else if (!(v->states & 1u << t->s->state))
        refuse_order(t, v);
    else if (v->check(t, &a))
        v->act(t, &a);
}
