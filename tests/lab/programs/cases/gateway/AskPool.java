import java.util.concurrent.TimeUnit;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.entity.StringEntity;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.impl.conn.PoolingHttpClientConnectionManager;
import org.apache.http.util.EntityUtils;

/**
 * As Ask.java, by Apache HttpClient 4, whose pools threads of their own rid of idle connections: closeIdleConnections.
 * Arguments: url, time-out ms, idle ms, hold ms, apart ms, then for each connection its pauses in ms, joined by commas.
 */
public class AskPool {
    public static void main(String[] args) throws Exception {
        int[] times = new int[4];
        for (int number = 0; number < times.length; number++) {
            times[number] = Integer.parseInt(args[number + 1]);
        }
        int timeout = times[0], idle = times[1], hold = times[2], apart = times[3];
        Thread[] threads = new Thread[args.length - 5];
        for (int number = 0; number < threads.length; number++) {
            String[] gaps = args[number + 5].split(",");
            int delay = number * apart;
            threads[number] = new Thread(() -> converse(client(timeout, idle), args[0], delay, gaps, hold));
            threads[number].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.exit(0);
    }

    private static CloseableHttpClient client(int timeout, int idle) {
        PoolingHttpClientConnectionManager pool = new PoolingHttpClientConnectionManager();
        Thread cleaner = new Thread(() -> {
            while (true) {
                pool.closeIdleConnections(idle, TimeUnit.MILLISECONDS);
                pause(100);
            }
        });
        cleaner.setDaemon(true);
        cleaner.start();
        RequestConfig limits = RequestConfig.custom().setSocketTimeout(timeout).build();
        return HttpClients.custom().setConnectionManager(pool).setDefaultRequestConfig(limits).disableAutomaticRetries()
            .build();
    }

    private static void converse(CloseableHttpClient client, String url, int delay, String[] gaps, int hold) {
        pause(delay);
        ask(client, url);
        for (String gap : gaps) {
            pause(Integer.parseInt(gap));
            ask(client, url);
        }
        pause(hold);
    }

    private static void ask(CloseableHttpClient client, String url) {
        String outcome;
        HttpPost request = new HttpPost(url);
        try {
            request.setEntity(new StringEntity("{}"));
            try (CloseableHttpResponse answer = client.execute(request)) {
                EntityUtils.consume(answer.getEntity());
                outcome = "" + answer.getStatusLine().getStatusCode();
            }
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
