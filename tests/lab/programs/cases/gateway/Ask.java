import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/**
 * Asks by POST over connections of its own, each with pauses of its own between two requests, then holds them.
 * Arguments: url, time-out ms, hold ms, apart ms, then for each connection its pauses in ms, joined by commas.
 * What came of each request goes to standard output. How long the pool holds connections is the JDK's own property.
 */
public class Ask {
    public static void main(String[] args) throws Exception {
        URI uri = URI.create(args[0]);
        int timeout = Integer.parseInt(args[1]), hold = Integer.parseInt(args[2]), apart = Integer.parseInt(args[3]);
        Thread[] threads = new Thread[args.length - 4];
        for (int number = 0; number < threads.length; number++) {
            String[] gaps = args[number + 4].split(",");
            int delay = number * apart;
            threads[number] = new Thread(() -> converse(uri, timeout, delay, gaps, hold));
            threads[number].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.exit(0);
    }

    private static void converse(URI uri, int timeout, int delay, String[] gaps, int hold) {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        pause(delay);
        ask(client, uri, timeout);
        for (String gap : gaps) {
            pause(Integer.parseInt(gap));
            ask(client, uri, timeout);
        }
        pause(hold);
    }

    private static void ask(HttpClient client, URI uri, int timeout) {
        HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofMillis(timeout))
            .POST(HttpRequest.BodyPublishers.ofString("{}")).build();
        String outcome;
        try {
            outcome = "" + client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
        } catch (Exception error) {
            outcome = error.getClass().getSimpleName() + ": " + error.getMessage();
        }
        System.out.println("outcome " + outcome);
    }

    private static void pause(int ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
