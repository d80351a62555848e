#include "mail.h"

#include "text.h"

/* An IPv6 address carries its tag (RFC 5321 4.1.3). */
static void write_address_literal(struct writer *w, struct span address)
{
    bool ip6 = span_find(address, ':') < address.len;
    write_text(w, ip6 ? "[IPv6:" : "[");
    write_span(w, address);
    write_text(w, "]");
}

void mail_write_received(struct writer *w, const struct mail_trace *t)
{
    write_text(w, "Received: from ");
    write_span(w, t->helo);
    write_text(w, " (unknown "); /* no name was asked for the address */
    write_address_literal(w, t->client);
    write_text(w, ")\r\n\tby ");
    write_span(w, t->host);
    write_text(w, " (wirelab) with ");
    write_span(w, t->protocol);
    write_text(w, " id ");
    write_span(w, t->id);
    write_text(w, "\r\n\tfor <");
    write_span(w, t->recipient);
    write_text(w, ">; ");
    write_mail_date(w, t->received_unix_ms);
    write_text(w, "\r\n");
}

void mail_write_trace(struct writer *w, const struct mail_trace *t)
{
    write_text(w, "Return-Path: <");
    write_span(w, t->sender);
    write_text(w, ">\r\nDelivered-To: ");
    write_span(w, t->recipient);
    write_text(w, "\r\n");
    mail_write_received(w, t);
}

void mail_write_as_file(struct writer *w, struct span text)
{
    while (text.len > 0) {
        size_t line = span_find(text, '\r');
        write_span(w, span_head(text, line));
        text = span_from(text, line + 1);
    }
}
