#include "policy.h"

#include <stdlib.h>
#include <strings.h>

#define NAME_MAX_BYTES (SMTP_PATH_MAX + 1)

/* The span as C text, for the sorted tables; false when no name can be that long or has a NUL in it. */
static bool as_text(struct span s, char out[NAME_MAX_BYTES])
{
    if (s.len >= NAME_MAX_BYTES || span_find(s, '\0') < s.len)
        return false;
    memcpy(out, s.at, s.len);
    out[s.len] = '\0';
    return true;
}

static int compare_domain(const void *name, const void *domain)
{
    return strcasecmp(name, ((const struct smtp_domain *)domain)->name);
}

static int compare_mailbox(const void *name, const void *mailbox)
{
    return strcasecmp(name, *(const char *const *)mailbox);
}

static const struct smtp_domain *find_domain(const struct smtp_settings *s, struct span name)
{
    char text[NAME_MAX_BYTES];
    if (s->domain_count == 0 || !as_text(name, text))
        return NULL;
    return bsearch(text, s->domains, s->domain_count, sizeof *s->domains, compare_domain);
}

static const char *find_mailbox(const struct smtp_domain *d, struct span local)
{
    char text[NAME_MAX_BYTES];
    if (!as_text(local, text))
        return NULL;
    const char **hit = d->mailbox_count ? bsearch(text, d->mailboxes, d->mailbox_count, sizeof *d->mailboxes,
                                                  compare_mailbox)
                                        : NULL;
    if (hit)
        return *hit;
    return span_is_nocase(local, "postmaster") ? "postmaster" : NULL;
}

enum policy_verdict policy_recipient(const struct smtp_settings *s, const struct smtp_path *path,
                                     struct policy_target *out)
{
    bool whole = path->domain.len > 0;
    out->domain = whole ? find_domain(s, path->domain) : s->postmaster;
    if (!out->domain)
        return POLICY_NOT_OURS;
    out->mailbox = find_mailbox(out->domain, smtp_path_local(path));
    return out->mailbox ? POLICY_ACCEPT : POLICY_UNKNOWN;
}

enum policy_verdict policy_user(const struct smtp_settings *s, struct span name, struct policy_target *out)
{
    size_t found = 0;
    for (size_t i = 0; i < s->domain_count; i++) {
        const char *mailbox = find_mailbox(&s->domains[i], name);
        if (mailbox && found++ == 0)
            *out = (struct policy_target){ &s->domains[i], mailbox };
    }
    return found == 0 ? POLICY_UNKNOWN : found == 1 ? POLICY_ACCEPT : POLICY_AMBIGUOUS;
}

bool policy_may_relay(const struct smtp_settings *s, struct address client)
{
    for (size_t i = 0; i < s->allow_relay_count; i++)
        if (prefix_contains(&s->allow_relay[i], client))
            return true;
    return false;
}
