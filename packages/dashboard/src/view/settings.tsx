/**
 * The page Settings: those that run, with their value and where it was said. The gateway masks secrets.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import type { SettingAnswer, SettingsAnswer } from "../data/answers.js";
import { countText, settingText } from "../data/texts.js";
import { PulledView, Table, usePulled } from "./parts.js";

export function Settings({ client }: { readonly client: AdminClient }): JSX.Element {
  const [pulled] = usePulled("settings", () => client.get<SettingsAnswer>("/api/settings"));
  const [isAll, showAll] = useState(false);
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={isAll} onChange={() => showAll(!isAll)} />
        Show those at their default, too
      </label>
      <PulledView of={pulled}>{({ settings }) => <Listed settings={settings} isAll={isAll} />}</PulledView>
    </>
  );
}

interface ListedProps {
  readonly settings: readonly SettingAnswer[];
  readonly isAll: boolean;
}

function Listed({ settings, isAll }: ListedProps): JSX.Element {
  const changed = settings.filter(({ isDefault, waits }) => !isDefault || waits);
  const waiting = settings.filter(({ waits }) => waits);
  const rows = (isAll ? settings : changed).map(({ name, value, source, isSecret, reloads, waits }) => [
    name,
    <code key="value">{settingText(value)}</code>,
    isSecret && value !== null ? `${source} (secret)` : source,
    waits ? "a restart: another value was read" : reloads ? "a reload" : "a restart",
  ]);
  return (
    <>
      <p>
        {countText(changed.length)} of {countText(settings.length)} settings are not at their default.
      </p>
      {waiting.length > 0 && (
        <p class="bad">
          A reload has read other values that wait for a restart: {waiting.map(({ name }) => name).join(", ")}
          .
        </p>
      )}
      <Table
        label="Settings"
        columns={["Setting", "Value", "Source", "Changed by"]}
        rows={rows}
        none="All settings are at their default."
      />
    </>
  );
}
