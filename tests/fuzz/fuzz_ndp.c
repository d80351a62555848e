/* Any bytes as a router solicitation. */
#include "wire/ndp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool from_none = ndp_read_solicitation(span_of(data, size), true);
    bool from_one = ndp_read_solicitation(span_of(data, size), false);
    if (from_none && !from_one) /* what :: may say, an address may say, too */
        abort();
    return 0;
}
