const svgNamespace = "http://www.w3.org/2000/svg";
const width = 120;
const height = 32;

/** Draws `values` (oldest first) as a line over an area, from zero up to the largest. Less than two make no line. */
export function drawSparkline(svg: SVGSVGElement, values: readonly number[]): void {
  const most = Math.max(...values, 1);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((value, index) => {
    const y = height - 2 - (value / most) * (height - 5);
    return `${(index * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  const line = points.length < 2 ? "" : `M${points.join("L")}`;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  path(svg, "spark-area").setAttribute(
    "d",
    line === "" ? "" : `${line}L${width} ${height}L0 ${height}Z`,
  );
  path(svg, "spark-line").setAttribute("d", line);
}

function path(svg: SVGSVGElement, className: string): Element {
  const present = svg.querySelector(`.${className}`);
  if (present !== null) return present;
  const created = document.createElementNS(svgNamespace, "path");
  created.setAttribute("class", className);
  svg.append(created);
  return created;
}
