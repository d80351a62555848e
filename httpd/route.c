#include "route.h"

static const char files_allow[] = "GET, HEAD, OPTIONS";
static const char form_allow[] = "POST, OPTIONS";
static const char all_allow[] = "GET, HEAD, POST, OPTIONS";

const struct http_site *route_site(const struct http_settings *t, struct span host)
{
    const struct http_site *otherwise = &t->sites[0];
    if (host.len && host.at[host.len - 1] == '.')
        host.len--;
    for (size_t i = 0; i < t->site_count; i++) {
        if (span_is_nocase(host, t->sites[i].host))
            return &t->sites[i];
        if (span_is(span_text(t->sites[i].host), "default"))
            otherwise = &t->sites[i];
    }
    return otherwise;
}

static void refuse(struct route *r, unsigned status, const char *reason)
{
    r->kind = ROUTE_REFUSED;
    r->status = status;
    r->reason = reason;
}

/* RFC 9110 9.1: what we know and do not allow is 405, what we never heard of is 501. */
static bool known_method(struct span m)
{
    static const char *const known[] = { "GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                         "CONNECT", "OPTIONS", "TRACE", "PATCH" };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (span_is(m, known[i]))
            return true;
    return false;
}

static const struct http_form *form_at(const struct http_site *site, struct span path, bool page)
{
    for (size_t i = 0; i < site->form_count; i++)
        if (span_is(path, page ? site->forms[i].page : site->forms[i].path))
            return &site->forms[i];
    return NULL;
}

/* Decodes the path into r->path, with the index where it ends in a slash. */
static bool decode(struct route *r, struct span raw)
{
    struct writer w = writer_over(r->path, sizeof r->path - 1);
    if (!http_decode_path(raw, &w)) {
        if (writer_ok(&w))
            refuse(r, 400, "a path that cannot be");
        else
            refuse(r, 414, "a path that is too long");
        return false;
    }
    if (r->path[writer_length(&w) - 1] == '/') {
        r->directory_len = writer_length(&w);
        write_text(&w, r->site->index);
    }
    if (!writer_ok(&w)) {
        refuse(r, 414, "a path that is too long");
        return false;
    }
    r->path_len = writer_length(&w);
    r->path[r->path_len] = 0;
    return true;
}

static void allow_only(struct route *r, struct span method, const char *allow)
{
    r->allow = allow;
    if (span_is(method, "OPTIONS"))
        r->kind = ROUTE_OPTIONS;
    else
        refuse(r, 405, "this method is not allowed here");
}

void route_find(const struct http_settings *t, const struct http_exchange *x, struct route *r)
{
    struct span method = x->request->method;
    r->site = route_site(t, x->target.host);
    r->form = NULL;
    r->allow = NULL;
    r->path_len = r->directory_len = 0;
    if (!known_method(method)) {
        refuse(r, 501, "a method that is not known here");
        return;
    }
    if (x->target.path.len == 0 || span_is(x->target.path, "*")) { /* CONNECT, OPTIONS * */
        allow_only(r, method, all_allow);
        return;
    }
    if (!decode(r, x->target.path))
        return;
    struct span path = span_of(r->path, r->path_len);
    r->form = form_at(r->site, path, false);
    bool reads = span_is(method, "GET") || span_is(method, "HEAD");
    if (r->form && span_is(method, "POST")) {
        r->kind = ROUTE_POST;
    } else if (r->form) {
        allow_only(r, method, form_allow);
    } else if (!reads) {
        allow_only(r, method, files_allow);
    } else {
        r->form = form_at(r->site, path, true);
        r->kind = r->form ? ROUTE_PAGE : ROUTE_FILE;
    }
}
