/* WebSocket frames, RFC 6455 section 5, as a client sees and writes them. Pure: bytes in, frames out.
 *
 * The reader takes blocks of bytes as they come from the network, cut anywhere, and gives one thing at a time.
 * A message that lies whole in the block is passed on where it lies; others are assembled, up to the cap.
 * Whatever the cuts, what comes out is the same. */
#ifndef TIDEGATE_UPSTREAM_FRAMES_H
#define TIDEGATE_UPSTREAM_FRAMES_H

#include "assembler.h"

enum tg_opcode {
    TG_OPCODE_CONTINUATION = 0x0,
    TG_OPCODE_TEXT = 0x1,
    TG_OPCODE_BINARY = 0x2,
    TG_OPCODE_CLOSE = 0x8,
    TG_OPCODE_PING = 0x9,
    TG_OPCODE_PONG = 0xa,
};

/* Close codes that we send, RFC 6455 section 7.4.1. */
enum tg_close_code {
    TG_CLOSE_NORMAL = 1000,
    TG_CLOSE_GOING_AWAY = 1001,
    TG_CLOSE_PROTOCOL = 1002,
    TG_CLOSE_NOT_UTF8 = 1007,
};

enum {
    TG_FRAME_HEAD_MAX = 14, /* of frames that we write; theirs have no mask: 10 */
    TG_CONTROL_PAYLOAD_MAX = 125,
    TG_FRAME_KEY_BYTES = 4,
};

/* ---- reading ---------------------------------------------------------------------------------- */

struct tg_frame_reader { /* zeroed: at the start of a connection, with `assembler.max_bytes` to be set */
    struct tg_assembler assembler;
    unsigned char head[TG_FRAME_HEAD_MAX]; /* a head that came in parts */
    unsigned head_length;
    unsigned char control[TG_CONTROL_PAYLOAD_MAX]; /* the same for the payload of a control frame */
    size_t control_length;
    unsigned opcode; /* of the frame at hand */
    bool is_final;
    bool is_first;      /* the next piece begins a message */
    bool is_in_frame;   /* its head has been read */
    bool is_in_message; /* fragments are still to come */
    bool is_binary;     /* the message at hand */
    uint64_t left;      /* bytes of the payload that have not come yet */
    bool is_over;       /* after a close frame or an error: nothing more is read */
};

enum tg_frame_kind {
    TG_FRAME_NONE,      /* the block is used up */
    TG_FRAME_MESSAGE,   /* `message`; text may be anything but UTF-8: not looked at */
    TG_FRAME_OVERSIZE,  /* a message over the cap has begun; what is left of it will be skipped */
    TG_FRAME_NO_MEMORY, /* the same for want of memory */
    TG_FRAME_PING,      /* `payload` */
    TG_FRAME_PONG,      /* `payload` */
    TG_FRAME_CLOSE,     /* `close_code`, 0 for none, and the reason as `payload` */
    TG_FRAME_BREACH,    /* of the protocol: `breach` says which */
};

struct tg_frame { /* all of it is borrowed until the next call */
    struct tg_message message;
    struct tg_str payload;
    unsigned close_code;
    const char *breach;
};

/* The next thing in `block`, which moves on past what was used. After CLOSE and BREACH everything is skipped.
 */
enum tg_frame_kind tg_frame_read(struct tg_frame_reader *reader, struct tg_str *block,
                                 struct tg_frame *ret_frame);
void tg_frame_reader_deinit(struct tg_frame_reader *reader);

/* ---- writing ---------------------------------------------------------------------------------- */

/* Appends a frame that is a whole message, masked with `key`, which must not be foreseeable. */
enum tg_err tg_frame_write(struct tg_buffer *out, enum tg_opcode opcode, const void *payload, size_t length,
                           const unsigned char key[TG_FRAME_KEY_BYTES]);

/* ---- pongs ------------------------------------------------------------------------------------ */

/* Each ping gets its pong, in order. Those that cannot be sent yet wait here, up to TG_PONGS_MAX. To a backend that
 * does not read, one more takes the place of all of them: RFC 6455 section 5.5.3 has the latest answered at least. */
enum { TG_PONGS_MAX = 128 };

struct tg_pongs { /* zeroed: none */
    struct tg_buffer waiting;
    size_t offset; /* those before have been taken */
    unsigned count;
};

void tg_pongs_deinit(struct tg_pongs *pongs);
bool tg_pongs_are_full(const struct tg_pongs *pongs);
void tg_pongs_add(struct tg_pongs *pongs, struct tg_str payload); /* of a ping; copied */
/* False: there is none. The payload is borrowed until the next call. */
bool tg_pongs_take(struct tg_pongs *pongs, struct tg_str *ret_payload);

#endif
