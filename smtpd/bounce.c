#include "bounce.h"

#include "text.h"

static const struct {
    const char *word;
    unsigned notify;
} actions[] = {
    [BOUNCE_FAILED] = { "failed", SMTP_NOTIFY_FAILURE },
    [BOUNCE_DELAYED] = { "delayed", SMTP_NOTIFY_DELAY },
    [BOUNCE_DELIVERED] = { "delivered", SMTP_NOTIFY_SUCCESS },
    [BOUNCE_RELAYED] = { "relayed", SMTP_NOTIFY_SUCCESS },
};

#define FIXED_BYTES     4096 /* all lines but those of recipients and of the original */
#define RECIPIENT_BYTES (2 * SMTP_ORCPT_MAX + 6 * SMTP_PATH_MAX + 1024 + 512) /* twice in the report */

bool bounce_is_wanted(unsigned notify, enum bounce_action action)
{
    return ((notify ? notify : SMTP_NOTIFY_FAILURE) & actions[action].notify) != 0;
}

size_t bounce_room(const struct bounce *b)
{
    return FIXED_BYTES + b->count * RECIPIENT_BYTES + b->original.len;
}

static bool has(const struct bounce *b, enum bounce_action action)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->recipients[i].action == action)
            return true;
    return false;
}

/* ---- its own header --------------------------------------------------------------------------- */

static void write_header(struct writer *w, const struct bounce *b)
{
    const char *subject = has(b, BOUNCE_FAILED)    ? "Undelivered mail, returned to its sender"
                          : has(b, BOUNCE_DELAYED) ? "Your mail is delayed and still on its way"
                                                   : "Your mail has arrived";
    write_format(w, "From: \"Mail delivery of %s\" <MAILER-DAEMON@%s>\r\n", b->hostname, b->hostname);
    write_text(w, "To: <");
    write_span(w, b->sender);
    write_format(w, ">\r\nSubject: %s\r\nDate: ", subject);
    write_mail_date(w, b->now_unix_ms);
    write_format(w, "\r\nMessage-ID: <%s@%s>\r\n", b->id, b->hostname);
    write_text(w, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"); /* RFC 3834 5 */
    write_format(w, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"=_%s\"\r\n",
                 b->id);
    if (b->eight_bit)
        write_text(w, "Content-Transfer-Encoding: 8bit\r\n");
    write_text(w, "\r\nThis is a report in MIME form.\r\n");
}

static void write_part(struct writer *w, const struct bounce *b, const char *type)
{
    write_format(w, "\r\n--=_%s\r\nContent-Type: %s\r\n", b->id, type);
}

/* ---- for people ------------------------------------------------------------------------------- */

static void write_story(struct writer *w, const struct bounce_recipient *r)
{
    write_text(w, "\r\n  ");
    write_span(w, r->address);
    write_text(w, "\r\n");
    if (r->reply && r->reply[0])
        write_format(w, "    %s said: %s\r\n", r->host && r->host[0] ? r->host : "the next host", r->reply);
    else if (r->reason && r->reason[0])
        write_format(w, "    %s\r\n", r->reason);
}

static void write_stories(struct writer *w, const struct bounce *b, enum bounce_action action,
                          const char *intro)
{
    if (!has(b, action))
        return;
    write_format(w, "\r\n%s\r\n", intro);
    for (size_t i = 0; i < b->count; i++)
        if (b->recipients[i].action == action)
            write_story(w, &b->recipients[i]);
}

static void write_text_part(struct writer *w, const struct bounce *b)
{
    write_part(w, b, "text/plain; charset=us-ascii");
    write_format(w, "\r\nThis is the mail server %s. What became of your message:\r\n", b->hostname);
    write_stories(w, b, BOUNCE_FAILED, "It could not be delivered to, and it is not tried again:");
    write_stories(w, b, BOUNCE_DELAYED, "It still waits, and there is nothing you have to do, for:");
    if (has(b, BOUNCE_DELAYED)) {
        write_text(w, "\r\nIt is tried until ");
        write_mail_date(w, b->until_unix_ms);
        write_text(w, ".\r\n");
    }
    write_stories(w, b, BOUNCE_DELIVERED, "It is in the mailbox of:");
    write_stories(w, b, BOUNCE_RELAYED, "It was sent on, to a host that reports no success, for:");
}

/* ---- for programs (RFC 3464 2) ------------------------------------------------------------------ */

/* xtext back as text; what cannot be shown as one line of a header stays as it came. */
static void write_decoded(struct writer *w, struct span xtext)
{
    uint8_t room[SMTP_ORCPT_MAX];
    struct writer out = writer_over(room, sizeof room);
    bool plain = smtp_read_xtext(xtext, &out);
    struct span text = writer_span(&out);
    for (size_t i = 0; i < text.len; i++)
        plain = plain && text.at[i] >= ' ' && text.at[i] <= '~';
    write_span(w, plain ? text : xtext);
}

static void write_recipient_fields(struct writer *w, const struct bounce *b, const struct bounce_recipient *r)
{
    if (r->orcpt.len > 0) {
        size_t type = span_find(r->orcpt, ';');
        write_text(w, "Original-Recipient: ");
        write_span(w, span_head(r->orcpt, type));
        write_text(w, ";");
        write_decoded(w, span_from(r->orcpt, type + 1));
        write_text(w, "\r\n");
    }
    write_text(w, "Final-Recipient: rfc822; ");
    write_span(w, r->address);
    write_format(w, "\r\nAction: %s\r\nStatus: %s\r\n", actions[r->action].word, r->status);
    if (r->host && r->host[0] && r->reply && r->reply[0])
        write_format(w, "Remote-MTA: dns; %s\r\n", r->host);
    if (r->reply && r->reply[0])
        write_format(w, "Diagnostic-Code: smtp; %s\r\n", r->reply);
    if (r->action == BOUNCE_DELAYED) {
        write_text(w, "Will-Retry-Until: ");
        write_mail_date(w, b->until_unix_ms);
        write_text(w, "\r\n");
    }
}

static void write_status_part(struct writer *w, const struct bounce *b)
{
    write_part(w, b, "message/delivery-status");
    write_text(w, "\r\n");
    if (b->envid.len > 0) {
        write_text(w, "Original-Envelope-Id: ");
        write_decoded(w, b->envid);
        write_text(w, "\r\n");
    }
    write_format(w, "Reporting-MTA: dns; %s\r\nArrival-Date: ", b->hostname);
    write_mail_date(w, b->arrived_unix_ms);
    write_text(w, "\r\n");
    for (size_t i = 0; i < b->count; i++) {
        write_text(w, "\r\n"); /* an empty line before each group (2.1) */
        write_recipient_fields(w, b, &b->recipients[i]);
    }
}

void bounce_write(struct writer *w, const struct bounce *b)
{
    write_header(w, b);
    write_text_part(w, b);
    write_status_part(w, b);
    write_part(w, b, b->full ? "message/rfc822" : "text/rfc822-headers");
    if (b->eight_bit)
        write_text(w, "Content-Transfer-Encoding: 8bit\r\n");
    write_text(w, "\r\n");
    write_span(w, b->original);
    if (b->original.len == 0 || b->original.at[b->original.len - 1] != '\n')
        write_text(w, "\r\n");
    write_format(w, "\r\n--=_%s--\r\n", b->id);
}
