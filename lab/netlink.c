#include "netlink.h"

#include "netns.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_BYTES   8192 /* requests are far shorter; an answer about a link may take a few thousand */
#define HARDWARE        6
#define RUNNING_LOOKS   1000 /* the kernel takes a moment from "up" to "carries frames", */
#define RUNNING_LOOK_MS 1    /* and what is sent in between is lost */

struct netlink {
    struct mnl_socket *socket;
    unsigned sequence;
    /* the request that is being made; the answer takes its place */
    _Alignas(struct nlmsghdr) char message[MESSAGE_BYTES];
};

struct netlink *netlink_open(struct problem *p)
{
    struct netlink *n = calloc(1, sizeof *n);
    if (n)
        n->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (n && n->socket && mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) == 0)
        return n;
    netns_refused(p, errno, "cannot talk to the kernel about interfaces");
    netlink_close(n);
    return NULL;
}

void netlink_close(struct netlink *n)
{
    if (n && n->socket)
        mnl_socket_close(n->socket);
    free(n);
}

static struct nlmsghdr *request(struct netlink *n, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(n->message);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    h->nlmsg_seq = ++n->sequence;
    return h;
}

/* Sends the request and waits for its acknowledgement; 0 or an errno. */
static int ask(struct netlink *n, const struct nlmsghdr *h)
{
    if (mnl_socket_sendto(n->socket, h, h->nlmsg_len) < 0)
        return errno;
    ssize_t length = mnl_socket_recvfrom(n->socket, n->message, sizeof n->message);
    if (length < 0)
        return errno;
    int result =
        mnl_cb_run(n->message, (size_t)length, n->sequence, mnl_socket_get_portid(n->socket), NULL, NULL);
    return result < 0 ? errno : 0;
}

static bool answered(int error, struct problem *p, const char *what, const char *name)
{
    if (error == 0)
        return true;
    char text[96];
    snprintf(text, sizeof text, "cannot %s %s", what, name);
    netns_refused(p, error, text);
    return false;
}

static void put_end(struct nlmsghdr *h, const struct netlink_end *e)
{
    mnl_attr_put_strz(h, IFLA_IFNAME, e->name);
    mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)e->namespace_fd);
    if (e->hardware)
        mnl_attr_put(h, IFLA_ADDRESS, HARDWARE, e->hardware);
}

bool netlink_add_cable(struct netlink *n, const struct netlink_end *a, const struct netlink_end *b,
                       struct problem *p)
{
    struct nlmsghdr *h = request(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
    put_end(h, a);
    struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
    put_end(h, b);
    mnl_attr_nest_end(h, peer);
    mnl_attr_nest_end(h, data);
    mnl_attr_nest_end(h, info);
    return answered(ask(n, h), p, "make the cable at", b->name);
}

bool netlink_add_switch(struct netlink *n, const char *name, struct problem *p)
{
    struct nlmsghdr *h = request(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
    struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
    mnl_attr_put_u8(h, IFLA_BR_MCAST_SNOOPING, 0); /* so that it has nothing to say itself */
    mnl_attr_nest_end(h, data);
    mnl_attr_nest_end(h, info);
    return answered(ask(n, h), p, "make the switch", name);
}

/* A change of the interface of this name. */
static struct nlmsghdr *change(struct netlink *n, const char *name, struct ifinfomsg **i)
{
    struct nlmsghdr *h = request(n, RTM_NEWLINK, 0);
    *i = mnl_nlmsg_put_extra_header(h, sizeof **i);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    return h;
}

bool netlink_plug(struct netlink *n, const char *port, const char *switch_name, struct problem *p)
{
    struct ifinfomsg *i;
    struct nlmsghdr *h = change(n, port, &i);
    mnl_attr_put_u32(h, IFLA_MASTER, if_nametoindex(switch_name));
    return answered(ask(n, h), p, "plug into the switch the port", port);
}

/* No link-local address: so no neighbour or router solicitation, and no report of its groups. */
static bool make_quiet(struct netlink *n, const char *name, struct problem *p)
{
    struct ifinfomsg *i;
    struct nlmsghdr *h = change(n, name, &i);
    struct nlattr *families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
    struct nlattr *ip6 = mnl_attr_nest_start(h, AF_INET6);
    mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(h, ip6);
    mnl_attr_nest_end(h, families);
    int error = ask(n, h);
    if (error == EAFNOSUPPORT || error == ENOPROTOOPT) /* a kernel without IPv6 is quiet by itself */
        error = 0;
    return answered(error, p, "switch IPv6 off at", name);
}

bool netlink_up(struct netlink *n, const char *name, bool quiet, struct problem *p)
{
    struct ifinfomsg *i;
    if (quiet && !make_quiet(n, name, p))
        return false;
    struct nlmsghdr *h = change(n, name, &i);
    i->ifi_flags = IFF_UP;
    i->ifi_change = IFF_UP;
    return answered(ask(n, h), p, "switch on the interface", name);
}

bool netlink_add_address(struct netlink *n, const char *name, struct address a, uint8_t bits,
                         struct problem *p)
{
    struct nlmsghdr *h = request(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    struct ifaddrmsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);
    size_t length = a.family == FAMILY_IP4 ? 4 : 16;
    i->ifa_family = a.family == FAMILY_IP4 ? AF_INET : AF_INET6;
    i->ifa_prefixlen = bits;
    i->ifa_index = if_nametoindex(name);
    mnl_attr_put(h, IFA_LOCAL, length, a.bytes);
    mnl_attr_put(h, IFA_ADDRESS, length, a.bytes);
    if (a.family == FAMILY_IP4 && bits < 31) {
        uint32_t host_bits = UINT32_MAX >> bits;
        struct address broadcast = address_ip4(address_to_ip4(a) | host_bits);
        mnl_attr_put(h, IFA_BROADCAST, 4, broadcast.bytes);
    } else if (a.family == FAMILY_IP6) { /* usable at once: nobody else is here who could have it */
        mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_NODAD);
    }
    char text[ADDRESS_TEXT_MAX];
    return answered(ask(n, h), p, "give an interface the address", address_format(a, text));
}

bool netlink_remove_address(struct netlink *n, const char *name, struct address a, uint8_t bits,
                            struct problem *p)
{
    struct nlmsghdr *h = request(n, RTM_DELADDR, 0);
    struct ifaddrmsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);
    i->ifa_family = a.family == FAMILY_IP4 ? AF_INET : AF_INET6;
    i->ifa_prefixlen = bits;
    i->ifa_index = if_nametoindex(name);
    mnl_attr_put(h, IFA_LOCAL, a.family == FAMILY_IP4 ? 4 : 16, a.bytes);
    char text[ADDRESS_TEXT_MAX];
    return answered(ask(n, h), p, "take from an interface the address", address_format(a, text));
}

bool netlink_add_route(struct netlink *n, const char *name, struct address network, uint8_t bits,
                       struct problem *p)
{
    struct nlmsghdr *h = request(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
    struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof *r);
    r->rtm_family = network.family == FAMILY_IP4 ? AF_INET : AF_INET6;
    r->rtm_dst_len = bits;
    r->rtm_table = RT_TABLE_MAIN;
    r->rtm_protocol = RTPROT_STATIC;
    r->rtm_scope = RT_SCOPE_LINK;
    r->rtm_type = RTN_UNICAST;
    mnl_attr_put(h, RTA_DST, network.family == FAMILY_IP4 ? 4 : 16, network.bytes);
    mnl_attr_put_u32(h, RTA_OIF, if_nametoindex(name));
    char text[ADDRESS_TEXT_MAX];
    return answered(ask(n, h), p, "make a route to", address_format(network, text));
}

static int learn_flags(const struct nlmsghdr *h, void *flags)
{
    const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
    *(unsigned *)flags = i->ifi_flags;
    return MNL_CB_OK;
}

/* The state of an interface; 0 when it cannot be told. */
static unsigned flags_of(struct netlink *n, const char *name)
{
    unsigned flags = 0;
    struct nlmsghdr *h = mnl_nlmsg_put_header(n->message);
    h->nlmsg_type = RTM_GETLINK;
    h->nlmsg_flags = NLM_F_REQUEST;
    h->nlmsg_seq = ++n->sequence;
    struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);
    i->ifi_index = (int)if_nametoindex(name);
    if (mnl_socket_sendto(n->socket, h, h->nlmsg_len) < 0)
        return 0;
    ssize_t length = mnl_socket_recvfrom(n->socket, n->message, sizeof n->message);
    if (length > 0)
        mnl_cb_run(n->message, (size_t)length, n->sequence, mnl_socket_get_portid(n->socket), learn_flags,
                   &flags);
    return flags;
}

bool netlink_wait_running(struct netlink *n, const char *name, struct problem *p)
{
    for (int i = 0; i < RUNNING_LOOKS; i++) {
        if (flags_of(n, name) & IFF_RUNNING)
            return true;
        poll(NULL, 0, RUNNING_LOOK_MS);
    }
    problem_set(p, "the interface %s carries no frames a second after it was switched on", name);
    return false;
}

bool netlink_whole_checksums(const char *name, struct problem *p)
{
    struct ethtool_value off = { .cmd = ETHTOOL_STXCSUM };
    struct ifreq r = { 0 };
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    r.ifr_data = (char *)&off;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 || ioctl(fd, SIOCETHTOOL, &r) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return answered(error, p, "switch checksum offload off at", name);
}
