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
    if (t->protocol.len == 0) /* it began here */
        return;
    write_text(w, "Received: from ");
    write_span(w, t->helo);
    write_text(w, " (unknown "); /* no name was asked for the address */
    write_address_literal(w, t->client);
    write_text(w, ")\r\n\tby ");
    write_span(w, t->host);
    write_text(w, " (");
    write_span(w, t->agent);
    write_text(w, ") with ");
    write_span(w, t->protocol);
    write_text(w, " id ");
    write_span(w, t->id);
    if (t->recipient.len > 0) {
        write_text(w, "\r\n\tfor <");
        write_span(w, t->recipient);
        write_text(w, ">; ");
    } else {
        write_text(w, ";\r\n\t");
    }
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

/* One octet of the header: `matched` counts how much of the field's name the line began with. */
static void scan_header(struct mail_scan *s, uint8_t c)
{
    static const char name[] = "received:";
    if (c == '\n') {
        s->body = s->column == 0;
        s->column = s->matched = 0;
        return;
    }
    if (c == '\r')
        return;
    if (s->matched == s->column && s->matched < strlen(name) && ascii_lower(c) == (uint8_t)name[s->matched]) {
        s->matched++;
        s->hops += s->matched == strlen(name);
    }
    s->column++;
}

void mail_scan(struct mail_scan *s, struct span text)
{
    uint8_t all = 0;
    for (size_t i = 0; i < text.len && !s->body; i++)
        scan_header(s, text.at[i]);
    for (size_t i = 0; i < text.len && !s->eight_bit; i++)
        all |= text.at[i];
    s->eight_bit = s->eight_bit || (all & 0x80);
}

struct span mail_header(struct span text)
{
    for (struct span left = text; left.len > 0;) { /* each turn takes a line */
        size_t end = span_find(left, '\n');
        if (span_is(span_head(left, end), "\r") || end == 0)
            return span_head(text, text.len - left.len);
        left = span_from(left, end + 1);
    }
    return text;
}

void mail_write_as_file(struct writer *w, struct span text)
{
    while (text.len > 0) {
        size_t line = span_find(text, '\r');
        write_span(w, span_head(text, line));
        text = span_from(text, line + 1);
    }
}
