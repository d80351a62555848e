/* The limit on answers by UDP. */
#include "dnsd.h"

const struct config_key dnsd_rate_keys[] = {
    { .name = "responses-per-second",
      .type = CONFIG_NUMBER,
      .flags = CONFIG_REQUIRED,
      .least = 1,
      .most = RATE_PER_SECOND_MAX,
      .help = "How many answers of one kind a network gets each second: with the same records, or \"no such "
              "name\" "
              "of one zone, or a referral to one zone, or errors.",
      .example = "responses-per-second = 20" },
    { .name = "slip",
      .type = CONFIG_NUMBER,
      .least = 0,
      .most = 100,
      .otherwise = "2",
      .help =
          "Each so many-th answer beyond the limit is sent with nothing in it but that the client shall come "
          "by TCP, so that real clients of the network get their answers; 0: none.",
      .example = "slip = 2" },
    { .name = "ipv4-prefix",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 32,
      .otherwise = "24",
      .help = "How many bits of the address are the network.",
      .example = "ipv4-prefix = 24" },
    { .name = "ipv6-prefix",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 128,
      .otherwise = "56",
      .help = "The same for IPv6.",
      .example = "ipv6-prefix = 56" },
    { .name = "exempt",
      .type = CONFIG_PREFIX,
      .flags = CONFIG_LIST,
      .help = "Whose answers are not counted; those to clients with a cookie or a key never are.",
      .example = "exempt = { \"127.0.0.0/8\" }" },
    { 0 },
};

bool dnsd_configure_rate(const struct config_section *s, struct dnsd_settings *d)
{
    const struct config_section *r = config_section(s, "rate-limit");
    size_t count;
    if (!r)
        return true;
    const struct config_value *v = config_list(r, "exempt", &count);
    struct prefix *exempt = arena_array(&d->arena, count, sizeof *exempt);
    for (size_t i = 0; exempt && i < count; i++)
        exempt[i] = v[i].prefix;
    d->rate = (struct rate_settings){ .per_second = (uint32_t)config_number(r, "responses-per-second"),
                                      .slip = (uint32_t)config_number(r, "slip"),
                                      .ip4_bits = (uint8_t)config_number(r, "ipv4-prefix"),
                                      .ip6_bits = (uint8_t)config_number(r, "ipv6-prefix"),
                                      .exempt = exempt,
                                      .exempt_count = count };
    return exempt != NULL;
}
