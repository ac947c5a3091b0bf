"use strict";
(function () {
  // A table as comma-separated values. Remarks in small type follow the text in brackets; minus signs become hyphens, so
  // that other programs read the numbers.
  function cellText(cell) {
    var copy = cell.cloneNode(true);
    copy.querySelectorAll(".end-of-line, details.long > summary, svg").forEach(function (part) { part.remove(); });
    copy.querySelectorAll("small").forEach(function (note) { note.textContent = " [" + note.textContent + "]"; });
    return copy.textContent.trim().replace(/\u2212(?=\d)/g, "-");
  }
  function quoted(text) {
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  function csvOf(table) {
    var rows = Array.from(table.rows);
    var lines = rows.map(function (row) { return Array.from(row.cells).map(cellText).map(quoted).join(","); });
    return lines.join("\r\n") + "\r\n";
  }
  function save(name, text) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + text], { type: "text/csv" }));
    link.download = name + ".csv";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }
  function addButton(place, name, text) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    button.textContent = name + ".csv";
    button.title = "Save this table as comma-separated values";
    button.setAttribute("aria-label", "Save " + name + ".csv");
    button.addEventListener("click", function () { save(name, text()); });
    place.appendChild(button);
  }
  document.querySelectorAll("table[data-csv]").forEach(function (table) {
    addButton(table.parentNode, table.dataset.csv, function () { return csvOf(table); });
  });
  document.querySelectorAll("[data-save]").forEach(function (place) {
    var source = document.getElementById(place.dataset.save);
    addButton(place, place.dataset.name, function () { return JSON.parse(source.textContent); });
  });

  // The heat maps: colours by another number, and the numbers of a cell under the pointer or the keyboard.
  document.querySelectorAll(".maps").forEach(function (maps) {
    var shown = maps.querySelector(".views-of"), output = maps.querySelector("output");
    maps.querySelectorAll("input[name=view]").forEach(function (input) {
      if (input.checked) shown.dataset.view = input.value;
      input.addEventListener("change", function () { shown.dataset.view = input.value; });
    });
    function pick(event) {
      var cell = event.target.closest("td[tabindex]");
      if (!cell) return;
      output.textContent = cell.title;
      output.hidden = false;
    }
    maps.addEventListener("focusin", pick);
    maps.addEventListener("mouseover", pick);
    maps.addEventListener("keydown", function (event) {
      var cell = event.target.closest("td[tabindex]");
      var step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!cell || !step) return;
      event.preventDefault();
      var rows = cell.closest("tbody").rows;
      var row = cell.parentNode.sectionRowIndex, column = cell.cellIndex, next;
      do {
        row += step[0];
        column += step[1];
        next = rows[row] && rows[row].cells[column];
      } while (next && !next.hasAttribute("tabindex"));
      if (!next || next.tagName !== "TD") return;
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });

  // The filter of flipped answers.
  document.querySelectorAll(".filter").forEach(function (filter) {
    var input = filter.querySelector("input"), output = filter.querySelector("output");
    var rows = Array.from(filter.closest("section").querySelectorAll(".flips tbody tr"));
    filter.hidden = false;
    input.addEventListener("input", function () {
      var text = input.value.toLowerCase(), n = 0;
      rows.forEach(function (row) {
        row.hidden = row.textContent.toLowerCase().indexOf(text) < 0;
        n += row.hidden ? 0 : 1;
      });
      output.textContent = text ? n + " of " + rows.length + " items" : "";
    });
  });
})();
