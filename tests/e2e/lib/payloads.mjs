// Payloads of every shape, and what a client must get of each by WHATWG HTML section 9.2.

const mixedLine = () => {
  // One line of exactly 1 MiB with characters of one to four bytes.
  const unit = 'abcdefgh é € 😀 ';
  const size = Buffer.byteLength(unit);
  const whole = unit.repeat(Math.floor((1 << 20) / size));
  return whole + 'x'.repeat((1 << 20) - Buffer.byteLength(whole));
};

const texts = {
  plain: 'hello',
  empty: '',
  space: ' ',
  'leading space': ' x',
  'two leading spaces': '  x',
  'leading tab': '\tx',
  'trailing space': 'x ',
  colon: ':comment?',
  'looks like a field': 'data: x\nid: 7\nevent: boo\nretry: 1',
  LF: 'a\nb',
  CR: 'a\rb',
  CRLF: 'a\r\nb',
  'LF CR': 'a\n\rb',
  'CR CR LF': 'a\r\r\nb',
  'only LF': '\n',
  'only CR': '\r',
  'only CRLF': '\r\n',
  'trailing LF': 'a\n',
  'trailing CR': 'a\r',
  'blank lines': '\n\na\n\n\nb\n\n',
  'spaces after line ends': 'a\n b\r  c\r\n d',
  BOM: '\uFEFFx',
  'only BOM': '\uFEFF',
  'BOM in the middle': 'a\n\uFEFFb',
  'other line ends': 'a\u0085b\u2028c\u2029d\ve\ff',
  NUL: 'a\0b',
  'only NUL': '\0',
  'C0 and DEL': Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join('') + '\x7f',
  '2, 3 and 4 bytes': 'é€😀',
  'highest code points': '\uD7FF\uE000\uFFFF\u{10FFFF}',
  'chunk look-alike': '0\r\n\r\n5\r\nhello\r\n',
  'HTTP look-alike': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  json: '{"a":[1,2,{"b":"\\n"}]}',
  '125 bytes': 'x'.repeat(125),
  '126 bytes': 'x'.repeat(126),
  '64 KiB and a line end': `${'x'.repeat(65535)}\ny`,
  '1 MiB in one line': mixedLine(),
  '1 MiB of line ends': '\n'.repeat(1 << 20),
  '1 MiB of CRLF': '\r\n'.repeat(1 << 19),
};

const binaries = {
  'binary, empty': Buffer.alloc(0),
  'binary, one byte': Buffer.from([0]),
  'binary, two bytes': Buffer.from([0xff, 0xfe]),
  'binary, all bytes': Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  'binary, 1 MiB': Buffer.alloc(1 << 20, 'Tidegate\0\xff', 'latin1'),
};

export const payloads = [
  ...Object.entries(texts).map(([name, text]) => ({
    name,
    send: text,
    binary: false,
    type: 'message',
    data: text.replace(/\r\n|\r|\n/g, '\n'),
  })),
  ...Object.entries(binaries).map(([name, bytes]) => ({
    name,
    send: bytes,
    binary: true,
    type: 'binary',
    data: bytes.toString('base64'),
  })),
];

// The last one, so that a reader knows when all have come.
export const END = 'the end';

export function sendAll(socket, list = payloads) {
  for (const payload of list) socket.send(payload.send, { binary: payload.binary });
  socket.send(END);
}

// Compares what a client got ({ type, data } each) with what it must have; gives a list of differences.
export function differences(events, { alter = (data) => data, list = payloads } = {}) {
  const found = [];
  const expected = [...list, { name: 'the end', type: 'message', data: END }];
  for (let i = 0; i < Math.max(expected.length, events.length); i++) {
    const want = expected[i];
    const got = events[i];
    if (!want) found.push(`one too many: ${JSON.stringify(got).slice(0, 100)}`);
    else if (!got) found.push(`${want.name}: missing`);
    else if (got.type !== want.type) found.push(`${want.name}: type ${got.type} for ${want.type}`);
    else if (got.data !== alter(want.data)) {
      found.push(`${want.name}: ${got.data.length} characters ${JSON.stringify(got.data.slice(0, 60))} for ` +
        `${want.data.length} characters ${JSON.stringify(want.data.slice(0, 60))}`);
    }
  }
  return found;
}
