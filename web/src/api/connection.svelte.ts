// Whether the server can be reached and knows us: one state for the whole page.
class Connection {
  online = $state(true);
  needsKey = $state(false);

  lost() {
    this.online = false;
  }

  found() {
    this.online = true;
  }

  signedOut() {
    this.needsKey = true;
  }

  signedIn() {
    this.needsKey = false;
  }
}

export const connection = new Connection();
