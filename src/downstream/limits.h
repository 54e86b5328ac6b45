/* How many connections there may be: in all, and from one address. Shared by all workers, on the accept path
 * alone. */
#ifndef TIDEGATE_DOWNSTREAM_LIMITS_H
#define TIDEGATE_DOWNSTREAM_LIMITS_H

#include "tidegate/base.h"

#include <stdatomic.h>

struct sockaddr;

/* ---- how many from each address; any thread ----------------------------------------------------------- */

struct tg_addresses;
struct tg_address;

struct tg_addresses *tg_addresses_new(size_t limit); /* 0: no limit, nothing is counted */
void tg_addresses_free(struct tg_addresses *addresses);
/* Counts one more. TG_ERR_LIMIT: there are enough of them already. *ret_address may be NULL (no limit, or not
 * an internet address). IPv6 counts by /64, IPv4 in IPv6 as IPv4. */
enum tg_err tg_addresses_take(struct tg_addresses *addresses, const struct sockaddr *peer,
                              struct tg_address **ret_address);
enum { TG_ADDRESS_KEY_BYTES = 17 };
/* The bytes by which addresses are told apart, as above. False: it is no internet address, and they are all zero. */
bool tg_address_make_key(const struct sockaddr *peer, unsigned char ret_key[TG_ADDRESS_KEY_BYTES]);
void tg_addresses_give(struct tg_addresses *addresses, struct tg_address *address); /* NULL is fine */

/* ---- how many in all; any thread ---------------------------------------------------------------------- */

/* Over the limit some more are let in to be told so (a refusal); beyond these there is only the door. */
enum tg_admission { TG_ADMITTED, TG_REFUSED, TG_TURNED_AWAY };

enum { TG_REFUSALS_MAX = 128 };

struct tg_admissions {
    size_t limit;
    atomic_size_t admitted;
    atomic_size_t refused;
};
enum tg_admission tg_admissions_take(struct tg_admissions *admissions, bool must_refuse);
void tg_admissions_give(struct tg_admissions *admissions, enum tg_admission admission);

/* Pure. How many connections a limit on open files leaves room for. */
size_t tg_limits_connections(size_t open_files);
/* Pure. What of that is left for clients when there may be so many upstreams, each with a descriptor of its own: at least
 * half, since most clients of keyed streams share theirs, or bring one each. */
size_t tg_limits_leave_room(size_t room, size_t upstreams);

#endif
