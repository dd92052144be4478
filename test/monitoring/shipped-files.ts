import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folders of this repository. */
export const prometheusFolder = folder('prometheus');
const dashboardsFolder = folder('grafana/dashboards');

export interface PanelQuery {
  panel: string;
  /** With Grafana's variables. */
  expr: string;
}

interface Panel {
  title: string;
  targets?: { expr: string }[];
  datasource?: { uid: string };
}

/** Every query of every panel of the dashboards. */
export function panelQueries(): PanelQuery[] {
  return panels().flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: title, expr })),
  );
}

export function panels(): Panel[] {
  return readdirSync(dashboardsFolder).flatMap((file) => {
    const dashboard = JSON.parse(readFileSync(`${dashboardsFolder}/${file}`, 'utf8'));
    return dashboard.panels as Panel[];
  });
}

/** Files of a folder below `prometheus/`, absolute. */
export function prometheusFiles(name: string): string[] {
  return readdirSync(`${prometheusFolder}/${name}`).map(
    (file) => `${prometheusFolder}/${name}/${file}`,
  );
}

function folder(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}
