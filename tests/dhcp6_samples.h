/* A DHCPv6 exchange as it was captured between a client and a server of other make. */
#ifndef WIRELAB_TESTS_DHCP6_SAMPLES_H
#define WIRELAB_TESTS_DHCP6_SAMPLES_H

#include "wire/dhcp6.h"

#include <stdio.h>

#define SAMPLE6_CLIENT_DUID "000100011def69bd000c295e7744"
#define SAMPLE6_SERVER_DUID "000100011de4b858000c291fa755"
#define SAMPLE6_IAID        0x295e7744

static const char sample6_solicit[] = "019de03f0001000e" SAMPLE6_CLIENT_DUID "00060008001700180027001f"
                                      "000800020000"
                                      "0003000c295e774400000e1000001518";
static const char sample6_advertise[] = "029de03f0001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID
                                        "00030028295e77440000070800000b4000050018"
                                        "20010db8000100020000000000001002"
                                        "00000e1000000e10"
                                        "00170010"
                                        "20010db8000000000000000000000035";
static const char sample6_request[] =
    "032d16030001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID "00060008001700180027001f"
    "000800020000"
    "00030028295e774400000e1000001518"
    "00050018"
    "20010db8000100020000000000001002"
    "00001c2000001d4c";
static const char sample6_reply[] = "072d16030001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID
                                    "00030028295e77440000070800000b4000050018"
                                    "20010db8000100020000000000001002"
                                    "00000e1000000e10"
                                    "00170010"
                                    "20010db8000000000000000000000035";

/* The bytes of hexadecimal digits, in `room`; spaces are passed over. */
static inline struct span unhex(const char *digits, uint8_t *room, size_t size)
{
    struct writer w = writer_over(room, size);
    unsigned byte;
    for (int used; sscanf(digits, " %2x%n", &byte, &used) == 1; digits += used)
        write_u8(&w, (uint8_t)byte);
    return writer_span(&w);
}

#endif
