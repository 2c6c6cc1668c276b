// One PUT a file, one after another: the order is the order chosen, and a slow line is not shared out.
"use strict";

const largest = Number(document.body.dataset.largest);
const mark = document.body.dataset.mark;
const at = (id) => document.getElementById(id);
const day = at("day"), drop = at("drop"), files = at("files"), land = at("land"), landed = at("landed");
const waiting = [];
const count = { taken: 0, known: 0, refused: 0 };
let busy = false;

// Names come from anywhere: shown as text, without the characters that turn the writing around.
const shown = (name) => name.replace(/[\p{C}\u2028\u2029]/gu, "\uFFFD");

// Today is the server's: a page that stays open over midnight must not date files back.
const untouched = () => day.value === day.defaultValue;

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

function row(name, bytes) {
  const line = at("results").tBodies[0].insertRow();
  for (const [kind, words] of [["name", shown(name)], ["size", bytes === null ? "" : size(bytes)], ["state", "等待上传"]]) {
    const cell = line.insertCell();
    cell.className = kind;
    cell.textContent = words;
  }
  at("results").hidden = false;
  return line;
}

function done(line, state, words) {
  line.className = state;
  line.cells[2].textContent = state === "refused" ? `拒绝：${words}` : words;
  count[state] += 1;
}

function told() {
  const left = waiting.length + (busy ? 1 : 0);
  at("summary").textContent =
    `已收下 ${count.taken} 份，已有相同内容 ${count.known} 份，拒绝 ${count.refused} 份` + (left ? `，还有 ${left} 份` : "");
  at("after").hidden = !(count.taken + count.known) || left > 0;
}

function send(file, received, line) {
  return new Promise((resolve) => {
    const bar = document.createElement("progress");
    const percent = document.createElement("span");
    line.cells[2].replaceChildren(bar, percent);
    const request = new XMLHttpRequest();
    request.open("PUT", `file?${new URLSearchParams({ name: file.name, day: received })}`);
    request.setRequestHeader(mark, "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      bar.max = event.total || 1;
      bar.value = event.loaded;
      percent.textContent = event.loaded < event.total ? ` ${Math.floor((100 * event.loaded) / event.total)}%` : " 正在存盘";
    };
    request.onload = () => {
      const answer = request.response;
      if (answer && answer.state in count) done(line, answer.state, answer.words);
      else done(line, "refused", `服务器没有正常应答（${request.status}）`);
      if (answer && answer.name && !received && untouched()) day.max = day.defaultValue = day.value = answer.name.slice(0, 10);
      resolve();
    };
    // The line broke, or the file on this computer changed or went away while it was read.
    request.onerror = request.onabort = () => { done(line, "refused", "连接中断或文件有变化，请重新选择上传"); resolve(); };
    request.send(file);
  });
}

async function work() {
  if (busy) return;
  busy = true;
  while (waiting.length) {
    const { file, received, line } = waiting.shift();
    told();
    await send(file, received, line);
  }
  busy = false;
  told();
}

function take(chosen) {
  if (!day.reportValidity()) return;
  landed.textContent = "不必等十分钟，现在就运行“到文登记 land”";
  land.disabled = false;
  for (const file of chosen) {
    const line = row(file.name, file.size);
    if (!file.size) done(line, "refused", "文件是空的");
    else if (file.size > largest) done(line, "refused", `超过 ${largest >> 20} MiB，请拆分后上传`);
    else waiting.push({ file, received: untouched() ? "" : day.value, line });
  }
  told();
  work();
}

files.addEventListener("change", () => { take([...files.files]); files.value = ""; });
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const plain = [];
  for (const item of event.dataTransfer.items) {
    const entry = item.webkitGetAsEntry && item.webkitGetAsEntry();
    if (entry && entry.isDirectory) done(row(entry.name, null), "refused", "是文件夹，请打开后选其中的文件");
    else if (item.kind === "file") plain.push(item.getAsFile());
  }
  take(plain);
});
window.addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });

// -- land ------------------------------------------------------------------------------------------------------------

const api = "../api/v2/dags/land";

async function ask(path, body) {
  const answer = await fetch(api + path, body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

const ENDS = {
  success: "登记完成，入库由各流程接着办理，结果见“到文登记 land”和值守邮件",
  failed: "登记没有完成，请在“到文登记 land”查看原因；文件已在收件目录，不会丢失",
};

land.addEventListener("click", async () => {
  land.disabled = true;
  try {
    if ((await ask("")).is_paused) {
      landed.textContent = "“到文登记 land”已暂停，请先在流程列表中启用；文件已在收件目录，不会丢失";
      land.disabled = false;
      return;
    }
    const { dag_run_id: run } = await ask("/dagRuns", { logical_date: null, note: "上传后登记" });
    landed.textContent = "已开始登记，文件静置片刻后收取……";
    for (let looks = 0; looks < 200; looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const { state } = await ask(`/dagRuns/${encodeURIComponent(run)}`);
      if (state in ENDS) { landed.textContent = ENDS[state]; return; }
    }
    landed.textContent = "登记还在进行，请在“到文登记 land”查看";
  } catch (error) {
    landed.textContent = `没有应答或不允许（${error.message}），请在“到文登记 land”查看`;
    land.disabled = false;
  }
});
