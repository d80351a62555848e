#include "hints.h"

#include "masterfile.h"

static const char builtin[] = "$TTL 3600000\n"
                              "@ NS a.root-servers.net.\n@ NS b.root-servers.net.\n@ NS c.root-servers.net.\n"
                              "@ NS d.root-servers.net.\n@ NS e.root-servers.net.\n@ NS f.root-servers.net.\n"
                              "@ NS g.root-servers.net.\n@ NS h.root-servers.net.\n@ NS i.root-servers.net.\n"
                              "@ NS j.root-servers.net.\n@ NS k.root-servers.net.\n@ NS l.root-servers.net.\n"
                              "@ NS m.root-servers.net.\n"
                              "$ORIGIN root-servers.net.\n"
                              "a A 198.41.0.4\na AAAA 2001:503:ba3e::2:30\n"
                              "b A 170.247.170.2\nb AAAA 2801:1b8:10::b\n"
                              "c A 192.33.4.12\nc AAAA 2001:500:2::c\n"
                              "d A 199.7.91.13\nd AAAA 2001:500:2d::d\n"
                              "e A 192.203.230.10\ne AAAA 2001:500:a8::e\n"
                              "f A 192.5.5.241\nf AAAA 2001:500:2f::f\n"
                              "g A 192.112.36.4\ng AAAA 2001:500:12::d0d\n"
                              "h A 198.97.190.53\nh AAAA 2001:500:1::53\n"
                              "i A 192.36.148.17\ni AAAA 2001:7fe::53\n"
                              "j A 192.58.128.30\nj AAAA 2001:503:c27::2:30\n"
                              "k A 193.0.14.129\nk AAAA 2001:7fd::1\n"
                              "l A 199.7.83.42\nl AAAA 2001:500:9f::42\n"
                              "m A 202.12.27.33\nm AAAA 2001:dc3::35\n";

struct zone_builder *hints_builder(uint64_t seed)
{
    static const uint8_t soa[2 + 5 * sizeof(uint32_t)]; /* two names, the root each, and zeros */
    struct dns_name root;
    dns_name_root(&root);
    struct zone_builder *b = zone_builder_open(&root, seed, 0);
    if (b && zone_refused(zone_builder_add(b, &root, DNS_TYPE_SOA, 0, span_of(soa, sizeof soa)))) {
        zone_builder_drop(b);
        return NULL;
    }
    return b;
}

struct zone *hints_builtin(uint64_t seed)
{
    enum zone_fault fault;
    struct zone_builder *b = hints_builder(seed);
    struct masterfile *m = b ? masterfile_open(b) : NULL;
    if (!m) {
        if (b)
            zone_builder_drop(b);
        return NULL;
    }
    masterfile_push(m, span_text(builtin), "root hints");
    masterfile_run(m);
    masterfile_close(m);
    return zone_builder_finish(b, &fault);
}
