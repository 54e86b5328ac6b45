// A certificate authority and certificates by openssl, in a folder that the test removes.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { atEnd } from './at-end.mjs';

function openssl(...args) {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export function makeAuthority(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-ca-'));
  atEnd(t, () => fs.rmSync(folder, { recursive: true, force: true }));
  const place = (name) => path.join(folder, name);
  const ca = place('ca.crt');
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=Test CA',
    '-keyout', place('ca.key'), '-out', ca);
  return {
    ca,
    issue(name, altNames = `DNS:${name},DNS:localhost,IP:127.0.0.1`) {
      const [key, request, certificate, extensions] = ['key', 'csr', 'crt', 'ext'].map((ending) => place(`${name}.${ending}`));
      fs.writeFileSync(extensions, `subjectAltName=${altNames}\n`);
      openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
      openssl('x509', '-req', '-days', '2', '-in', request, '-CA', ca, '-CAkey', place('ca.key'), '-CAcreateserial', '-extfile', extensions, '-out', certificate);
      return { key, certificate };
    },
  };
}
