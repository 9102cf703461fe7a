/**
 * The sign-in: the admin key, or the one that only reads, for a session of this browser. The key is not kept.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import { Failed, field, messageOf } from "./parts.js";

interface SignInProps {
  readonly client: AdminClient;
  readonly done: () => void;
}

export function SignIn({ client, done }: SignInProps): JSX.Element {
  const [problem, setProblem] = useState<string>();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    client
      .post(
        "/api/login",
        JSON.stringify({ key: field(event, "key"), secure: location.protocol === "https:" }),
      )
      .then(done, (error: unknown) => {
        setProblem(messageOf(error));
      });
  };
  return (
    <form onSubmit={submit}>
      <label>
        Admin key
        <input name="key" type="password" autocomplete="current-password" required />
      </label>
      <button type="submit">Sign in</button>
      <Failed problem={problem} />
    </form>
  );
}
