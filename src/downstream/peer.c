/* The C library's tcp_info lacks tcpi_bytes_acked; the kernel's header cannot be included beside libuv's. */
#include "peer.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { LOST_RETRANSMITS = 4 }; /* in a row */

static bool get_info(int fd, struct tcp_info *ret_info)
{
    socklen_t length = sizeof(*ret_info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret_info, &length) == 0;
}

bool tg_peer_is_lost(int fd, uint64_t silent_ms)
{
    struct tcp_info info;
    return get_info(fd, &info) && info.tcpi_unacked > 0 && info.tcpi_retransmits >= LOST_RETRANSMITS &&
           info.tcpi_last_ack_recv >= silent_ms;
}

bool tg_peer_count_acked(int fd, uint32_t *ret_acked)
{
    struct tcp_info info;
    if (!get_info(fd, &info))
        return false;
    *ret_acked = (uint32_t)info.tcpi_bytes_acked;
    return true;
}
