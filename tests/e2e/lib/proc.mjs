// What /proc tells about a process.
import fs from 'node:fs';

const TICKS_PER_SECOND = 100;

export function rssBytes(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) * 1024;
}

export function cpuSeconds(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function openFiles(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

// The highest value of `measure` until stop() is called.
export function watchPeak(measure, every = 50) {
  let peak = measure();
  const timer = setInterval(() => {
    peak = Math.max(peak, measure());
  }, every);
  return {
    stop() {
      clearInterval(timer);
      return (peak = Math.max(peak, measure()));
    },
  };
}
