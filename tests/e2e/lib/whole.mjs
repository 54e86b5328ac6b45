// What a client must get while its connection is cut: events 1, 2, 3, …, each whole and once. For node and for pages.
export const payload = (n) => `${n}\n${'x'.repeat(n % 1000)}`;

export class Whole {
  count = 0;
  empty = 0; // messages that the library made of something that is no event
  errors = 0; // that the client reported
  forgiven = 0; // events missed where the client's own flaw may lose one
  mayMiss = false;
  problem = '';

  take({ type, data, id }) {
    if (type === 'tidegate.upstream' || this.problem) return;
    let n = this.count + 1;
    if (this.mayMiss && data === payload(n + 1)) {
      this.forgiven++;
      n++;
    }
    this.mayMiss = false;
    if (type !== 'message') {
      this.problem = `${type} ${data} after event ${this.count}`;
    } else if (data !== payload(n)) {
      this.problem = `"${data.slice(0, 40)}" (${data.length}) with id ${id} instead of event ${n}`;
    } else if (!new RegExp(`^[A-Za-z0-9]+-${n}$`).test(id)) {
      this.problem = `the id "${id}" at event ${n}`;
    } else {
      this.count = n;
    }
  }
}
