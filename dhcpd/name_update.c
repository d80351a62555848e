#include "name_update.h"

#include "text.h"

#include <openssl/sha.h>

#define TYPE_DHCID          49
#define DHCID_OF_HARDWARE   0 /* RFC 4701 3.3 */
#define DHCID_OF_CLIENT_ID  1
#define DHCID_OF_DUID       2
#define DHCID_SHA256        1
#define CLIENT_ID_WITH_DUID 255 /* RFC 4361: type, IAID, DUID */
#define CLIENT_ID_DUID_AT   5

size_t name_label(struct span client_name, char label[NAME_LABEL_MAX])
{
    struct span first = span_head(client_name, span_find(client_name, '.'));
    struct reader r = reader_over(first);
    size_t n = 0;
    if (first.len > NAME_LABEL_MAX)
        return 0;
    while (reader_left(&r)) { /* each turn takes a byte, and gives one at most */
        uint8_t c = ascii_lower(read_u8(&r));
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (fits || (n && (c == '-' || label[n - 1] != '-')))
            label[n++] = fits ? (char)c : '-';
    }
    while (n && label[n - 1] == '-')
        n--;
    return n;
}

bool name_in_zone(struct dns_name *out, const char *label, size_t label_len, const struct dns_name *zone)
{
    return !dns_name_from_text(span_of(label, label_len), zone, out);
}

static void write_dhcid(uint8_t out[NAME_DHCID_BYTES], uint16_t kind, struct span identifier,
                        const struct dns_name *name)
{
    uint8_t room[UINT8_MAX + DNS_NAME_BYTES_MAX], whole[NAME_DHCID_BYTES], digest[SHA256_DIGEST_LENGTH];
    struct writer data = writer_over(room, sizeof room), w = writer_over(whole, sizeof whole);
    struct dns_name lower;
    dns_name_lower(&lower, name);
    write_span(&data, identifier);
    write_span(&data, dns_name_span(&lower));
    struct span all = writer_span(&data);
    SHA256(all.at, all.len, digest);
    write_u16(&w, kind);
    write_u8(&w, DHCID_SHA256);
    write_bytes(&w, digest, sizeof digest);
    memcpy(out, whole, sizeof whole);
}

void name_dhcid(uint8_t out[NAME_DHCID_BYTES], struct span client_id, struct span hardware,
                const struct dns_name *name)
{
    struct reader first = reader_over(client_id);
    if (client_id.len > CLIENT_ID_DUID_AT && read_u8(&first) == CLIENT_ID_WITH_DUID)
        name_dhcid_of_duid(out, span_from(client_id, CLIENT_ID_DUID_AT), name);
    else if (client_id.len)
        write_dhcid(out, DHCID_OF_CLIENT_ID, client_id, name);
    else
        write_dhcid(out, DHCID_OF_HARDWARE, hardware, name);
}

void name_dhcid_of_duid(uint8_t out[NAME_DHCID_BYTES], struct span duid, const struct dns_name *name)
{
    write_dhcid(out, DHCID_OF_DUID, duid, name);
}

/* ---- messages -------------------------------------------------------------------------------------------
 */

static void write_record(struct writer *w, const struct dns_name *owner, uint16_t type, uint16_t class,
                         uint32_t ttl, struct span rdata)
{
    write_span(w, dns_name_span(owner));
    write_u16(w, type);
    write_u16(w, class);
    write_u32(w, ttl);
    write_u16(w, (uint16_t)rdata.len);
    write_span(w, rdata);
}

static struct span no_data(void)
{
    return span_of("", 0);
}

static struct span dhcid_of(const struct name_task *t)
{
    return span_of(t->dhcid, sizeof t->dhcid);
}

static uint16_t type_of(const struct name_task *t)
{
    return t->address.family == FAMILY_IP6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
}

/* RFC 2136 2.5: class IN adds, NONE takes a record away, ANY a whole set. */
static void write_changes(struct writer *w, const struct name_task *t, enum name_step step)
{
    struct span a = span_of(t->address.bytes, t->address.family == FAMILY_IP6 ? 16 : 4),
                name = dns_name_span(&t->name);
    if (step == NAME_RENEW)
        write_record(w, &t->name, type_of(t), DNS_CLASS_ANY, 0, no_data());
    if (step == NAME_CLAIM || step == NAME_RENEW)
        write_record(w, &t->name, type_of(t), DNS_CLASS_IN, t->ttl_s, a);
    if (step == NAME_CLAIM)
        write_record(w, &t->name, TYPE_DHCID, DNS_CLASS_IN, t->ttl_s, dhcid_of(t));
    if (step == NAME_REVERSE)
        write_record(w, &t->reverse, DNS_TYPE_PTR, DNS_CLASS_ANY, 0, no_data());
    if (step == NAME_REVERSE)
        write_record(w, &t->reverse, DNS_TYPE_PTR, DNS_CLASS_IN, t->ttl_s, name);
    if (step == NAME_DROP)
        write_record(w, &t->name, type_of(t), DNS_CLASS_NONE, 0, a);
    if (step == NAME_DROP_OWNER)
        write_record(w, &t->name, TYPE_DHCID, DNS_CLASS_NONE, 0, dhcid_of(t));
    if (step == NAME_DROP_REVERSE)
        write_record(w, &t->reverse, DNS_TYPE_PTR, DNS_CLASS_NONE, 0, name);
}

/* RFC 2136 2.4: nobody has the name (NONE), or it has exactly this record (IN). */
static void write_condition(struct writer *w, const struct name_task *t, enum name_step step)
{
    if (step == NAME_CLAIM)
        write_record(w, &t->name, DNS_TYPE_ANY, DNS_CLASS_NONE, 0, no_data());
    else
        write_record(w, &t->name, TYPE_DHCID, DNS_CLASS_IN, 0, dhcid_of(t));
    if (step == NAME_DROP_OWNER) {
        write_record(w, &t->name, DNS_TYPE_A, DNS_CLASS_NONE, 0, no_data());
        write_record(w, &t->name, DNS_TYPE_AAAA, DNS_CLASS_NONE, 0, no_data());
    }
}

void name_update_write(struct writer *w, const struct name_task *t, enum name_step step)
{
    static const struct {
        uint16_t conditions, changes;
    } counts[] = { [NAME_CLAIM] = { 1, 2 }, [NAME_RENEW] = { 1, 2 },      [NAME_REVERSE] = { 0, 2 },
                   [NAME_DROP] = { 1, 1 },  [NAME_DROP_OWNER] = { 3, 1 }, [NAME_DROP_REVERSE] = { 0, 1 } };
    bool reverse = step == NAME_REVERSE || step == NAME_DROP_REVERSE;
    struct dns_header h = { .flags = DNS_OPCODE_UPDATE << 11,
                            .questions = 1,
                            .answers = counts[step].conditions,
                            .authorities = counts[step].changes };
    struct dns_question zone = { .name = reverse ? t->reverse_zone : t->zone,
                                 .type = DNS_TYPE_SOA,
                                 .class = DNS_CLASS_IN };
    write_dns_header(w, &h);
    write_dns_question(w, &zone);
    if (counts[step].conditions)
        write_condition(w, t, step);
    write_changes(w, t, step);
}

/* ---- steps
 * ------------------------------------------------------------------------------------------------- */

enum name_step name_first(const struct name_task *t)
{
    return t->add ? NAME_CLAIM : NAME_DROP;
}

enum name_step name_next(const struct name_task *t, enum name_step step, enum dns_rcode rcode)
{
    bool reverse = t->reverse.len > 0, ok = rcode == DNS_NOERROR;
    switch (step) {
    case NAME_CLAIM: /* RFC 4703 5.3.1: somebody has it; is it us? */
        if (rcode == DNS_YXDOMAIN)
            return NAME_RENEW;
        break;
    case NAME_RENEW: /* RFC 4703 5.3.2: another one's, or put there by hand */
        if (rcode == DNS_NXRRSET)
            return NAME_TAKEN;
        break;
    case NAME_DROP: /* what is not ours stays; the address's name is ours all the same */
        if (ok)
            return NAME_DROP_OWNER;
        ok = rcode == DNS_NXRRSET || rcode == DNS_NXDOMAIN;
        return !ok ? NAME_FAILED : reverse ? NAME_DROP_REVERSE : NAME_DONE;
    case NAME_DROP_OWNER: /* it has an address of the other family */
        ok = ok || rcode == DNS_YXRRSET || rcode == DNS_NXRRSET || rcode == DNS_NXDOMAIN;
        return !ok ? NAME_FAILED : reverse ? NAME_DROP_REVERSE : NAME_DONE;
    default:
        return ok ? NAME_DONE : NAME_FAILED;
    }
    return !ok ? NAME_FAILED : reverse ? NAME_REVERSE : NAME_DONE;
}
