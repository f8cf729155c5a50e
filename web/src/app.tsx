import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from "preact-iso";
import { ApiError } from "./api/envelope";
import { Door } from "./layout/door";
import { Shell } from "./layout/shell";
import { PAGES } from "./pages";
import { Login } from "./pages/login";
import { NotFound } from "./pages/not-found";
import { SetPassword } from "./pages/set-password";
import { Toasts } from "./parts/small";
import { ErrorBox } from "./parts/states";
import { chooseProject, findSession, session, startFault } from "./session";

const ROUTES = PAGES.flatMap((page) => {
  const component = lazy(page.load);
  return [page.path, ...(page.also ?? [])].map((path) => ({ path, component }));
});

export function App() {
  return (
    <LocationProvider>
      <Gate />
      <Toasts />
    </LocationProvider>
  );
}

/** Lets in who is logged in. The login stands at whatever address was wanted, which is there again after it. */
function Gate() {
  const { path, url } = useLocation();
  const needsSession = path !== "/invitation" && path !== "/password-reset";
  useEffect(() => {
    if (needsSession && session.value === undefined) {
      findSession();
    }
  }, [needsSession]);
  // Before children ask: their questions are about the project of the address.
  useLayoutEffect(() => {
    if (session.value) {
      chooseProject(new URL(url, location.origin).searchParams.get("project"));
    }
  }, [url]);

  if (path === "/invitation" || path === "/password-reset") {
    return <SetPassword key={path} isInvitation={path === "/invitation"} />;
  }
  if (startFault.value) {
    return (
      <Door>
        <ErrorBox error={startFault.value} again={findSession} />
      </Door>
    );
  }
  if (session.value === undefined) {
    return null;
  }
  return session.value === null ? <Login /> : <Pages />;
}

function Pages() {
  const [fault, setFault] = useState<Error>();
  return (
    <Shell>
      {fault && (
        <ErrorBox
          error={new ApiError(0, { error: fault.message, code: "PAGE_FAILED" })}
          again={() => location.reload()}
        />
      )}
      <ErrorBoundary onError={setFault}>
        <Router onRouteChange={() => setFault(undefined)}>
          {ROUTES.map((route) => (
            <Route key={route.path} path={route.path} component={route.component} />
          ))}
          <Route default component={NotFound} />
        </Router>
      </ErrorBoundary>
    </Shell>
  );
}
